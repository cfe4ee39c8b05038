"""`spl token`: service accounts and their tokens, with a real daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .conftest import FakeDaemon, Ran
from .live import daemon_home, live

__all__ = ["daemon_home", "live"]

Spl = Callable[..., Ran]


def test_an_account_is_made_a_token_renewed_and_the_old_one_taken_back(live: Path, spl: Spl) -> None:
    made = spl("token", "mint", "sa-ci", "--scope", "records:read", "--scope", "config:read")
    assert (made.code, made.err) == (0, "")
    told, bearer, where = made.out.splitlines()
    assert told.startswith("✓ token ")
    assert told.endswith(" of sa-ci (records:read, config:read), shown this once:")
    assert bearer.startswith("spl_prod_sa-ci_")
    assert where == "  Keep it for calls over TCP: spl token save -"
    renewed = spl("token", "mint", "sa-ci", "-o", "json")
    assert (renewed.code, renewed.json["scopes"]) == (0, ["records:read", "config:read"])
    assert renewed.json["token"] != bearer
    first, second = spl("token", "list", "-o", "json").json["data"]
    assert second["id"] == renewed.json["id"]
    gone = spl("token", "revoke", first["id"][:12], "--reason", "it leaked")
    assert (gone.code, gone.out) == (0, f"✓ token {first['id'][:12]} of sa-ci revoked\n")
    lines = spl("token", "list").out.splitlines()
    assert lines[0].split() == ["ID", "ACCOUNT", "STATE", "MADE", "SCOPES"]
    assert [line.split()[:3] for line in lines[1:]] == [
        [first["id"][:12], "sa-ci", "revoked"],
        [second["id"][:12], "sa-ci", "active"],
    ]
    assert bearer.rpartition("_")[2] not in "\n".join(lines)


def test_scopes_are_changed_for_the_tokens_to_come(live: Path, spl: Spl) -> None:
    assert spl("token", "mint", "sa-two", "--scope", "records:read").code == 0
    changed = spl("token", "grant", "sa-two", "--scope", "records:read", "--scope", "records:write")
    assert (changed.code, changed.out.splitlines()) == (
        0,
        [
            "✓ new tokens of sa-two may: records:read, records:write",
            "  Its 1 token keeps what it was made with: spl token list",
        ],
    )
    assert spl("token", "mint", "sa-two", "-o", "json").json["scopes"] == ["records:read", "records:write"]


def test_what_cannot_be_is_said_with_what_to_do(live: Path, spl: Spl) -> None:
    nobody = spl("token", "mint", "sa-nobody")
    assert nobody.code == 1
    assert "no service account sa-nobody" in nobody.err
    assert "spl token mint sa-nobody --scope" in nobody.err
    unknown = spl("token", "mint", "sa-three", "--scope", "all")
    assert (unknown.code, "the scopes are: records:read, " in unknown.err) == (2, True)
    assert spl("token", "grant", "sa-three").code == 2
    gone = spl("token", "revoke", "0123456789ab")
    assert (gone.code, "spl token list" in gone.err) == (1, True)
    assert spl("token", "mint", "sa-three", "--scope", "admin").code == 0
    again = spl("token", "mint", "sa-three", "--scope", "admin")
    assert again.code == 1
    assert "another token of it: spl token mint sa-three\n" in again.err


def test_without_any_token_that_is_said(spl: Spl, daemon: FakeDaemon) -> None:
    daemon.answer("/v1/tokens", {"object": "list", "data": []})
    assert spl("token", "list").out == "no token was made yet\n"
