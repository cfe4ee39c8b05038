"""`spl consent`, bundles for a namespace, and what `spl federation` says that there is not."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
import pytest

from .conftest import FakeDaemon
from .live import daemon_home, live
from .test_commands import Spl
from .test_output import FULL, needs_full

__all__ = ["daemon_home", "live"]


def test_grant_list_snapshot_revoke(live: Path, spl: Spl, tmp_path: Path) -> None:
    assert (
        spl("consent", "list").out
        == "no consent was granted\n  Grant it: spl consent grant --to-namespace NS\n"
    )
    assert spl("task", "add", "for them", "--alias", "SHARED", "--namespace", "docs").code == 0
    assert spl("task", "add", "not for them", "--alias", "KEPT", "--namespace", "code").code == 0
    out = tmp_path / "b.snap.jsonl"
    snapshot = ("thread", "snapshot", "--to-namespace", "partner", "--out", str(out))
    refused = spl(*snapshot, "--all")
    assert (refused.code, out.exists()) == (1, False)
    assert "nothing here may be shared with 'partner'" in refused.err
    grant = ("consent", "grant", "--from-namespace", "docs", "--to-namespace", "partner")
    told = spl(*grant, "--purpose", "release\x1b[31m notes", "--expires", "30d")
    assert told.code == 0
    assert told.out.startswith("✓ 'docs' may share with 'partner' until 20")
    made = spl(*snapshot, "--all")
    assert made.code == 0
    assert ": 1 records," in made.out
    assert "threads that may not be shared with 'partner'" in made.out
    assert "for them" in out.read_text()
    assert "not for them" not in out.read_text()
    refused = spl(*snapshot, "--threads", "KEPT")
    assert refused.code == 1
    assert "'code' has not consented" in refused.err
    assert "spl consent grant --from-namespace code --to-namespace partner" in refused.err
    listed = spl("consent", "list").out
    assert listed.splitlines()[0].split() == ["FROM", "TO", "STATE", "EXPIRES", "BY", "PURPOSE"]
    assert listed.splitlines()[1].split()[:3] == ["docs", "partner", "active"]
    assert "\x1b" not in listed
    (row,) = spl("consent", "list", "-o", "json").json["data"]
    assert row["expires_at"] == pytest.approx(time.time() + 30 * 86_400, abs=600)
    revoke = ("consent", "revoke", "--from-namespace", "docs", "--to-namespace", "partner")
    assert spl(*revoke, "--reason", "over").code == 0
    assert spl("consent", "list").out.splitlines()[1].split()[:4] == ["docs", "partner", "revoked", "-"]
    again = spl(*revoke)
    assert (again.code, "no consent of 'docs' for 'partner' to revoke" in again.err) == (1, True)
    replayed = spl("debug", "replay", "th_consent").out
    assert "consent docs → partner" in replayed


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("grant",), 2, "--to-namespace"),
        (("grant", "--to-namespace", "partner", "--expires", "soon"), 2, "2027-01-31"),
        (("grant", "--to-namespace", "partner", "--expires", "999999999999999999d"), 2, "nor a span"),
        (("grant", "--to-namespace", "partner", "--expires", "2001-01-01"), 2, "expired"),
        (("grant", "--to-namespace", "Partner"), 1, "invalid namespace 'Partner'"),
        (("grant", "--to-namespace", "default"), 1, "need no consent"),
        (("revoke", "--to-namespace", "nobody"), 1, "spl consent list"),
    ],
)
def test_mistakes(live: Path, spl: Spl, words: tuple[str, ...], code: int, told: str) -> None:
    ran = spl("consent", *words)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert ran.out == ""


def test_federation_says_what_is_there(live: Path, spl: Spl) -> None:
    told = spl("federation", "status").out
    assert spl("federation", "list").out == "no federation pairs\n"
    assert spl("federation", "list", "-o", "json").json["data"] == []
    assert told.startswith("Federation\n  Consent grants: ")
    assert "Pairs: none" in told
    assert "Sync: none" in told
    document = spl("federation", "status", "-o", "json").json
    assert (document["pairs"], document["sync"]) == (0, False)
    for words in (("pair", "https://peer"), ("sync", "pair-1"), ("revoke", "pair-1")):
        ran = spl("federation", *words)
        assert (ran.code, ran.out) == (1, "")
        assert words[1] in ran.err
        assert json.loads(spl("federation", *words, "-o", "json").err)["code"] == "NOT_FOUND"
    assert spl("federation").code == 2
    assert spl("federation", "frobnicate").code == 2


def test_an_older_daemon_that_would_share_everything_gets_no_file(
    daemon: FakeDaemon, spl: Spl, tmp_path: Path
) -> None:
    daemon.answers["/v1/threads/snapshot"] = httpx.Response(200, content=b"all of it\n")
    out = tmp_path / "b.snap.jsonl"
    for place in (str(out), "-"):
        ran = spl("thread", "snapshot", "--all", "--to-namespace", "partner", "--out", place)
        assert (ran.code, ran.out) == (1, "")
        assert "does not know consent" in ran.err
    assert not out.exists()
    assert spl("thread", "snapshot", "--all", "--to-namespace", "", "--out", str(out)).code == 2


@needs_full
def test_a_bundle_that_stdout_does_not_take(
    daemon: FakeDaemon, spl: Spl, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.answers["/v1/threads/snapshot"] = httpx.Response(200, content=b"all of it\n")
    with FULL.open("w") as full, monkeypatch.context() as stdout:
        stdout.setattr(sys, "stdout", full)
        ran = spl("thread", "snapshot", "--all", "--out", "-")
    assert (ran.code, ran.err) == (1, "error: cannot write the output: No space left on device\n")


def test_an_account_that_may_only_pull(live: Path, spl: Spl) -> None:
    mint = ("token", "mint", "sa-puller", "--scope", "federation:read")
    refused = spl(*mint)
    assert (refused.code, "--pulls-for NS" in refused.err) == (2, True)
    assert spl(*mint, "--pulls-for", "partner").code == 0
    changed = spl("token", "grant", "sa-puller", "--pulls-for", "partner/eu")
    assert "  It pulls for: partner/eu\n" in changed.out
    assert spl("token", "grant", "sa-puller", "-o", "json", "--pulls-for", "p").json["pulls_for"] == "p"
    alone = spl("token", "mint", "sa-puller", "--pulls-for", "partner")
    assert (alone.code, "--pulls-for is for a new account" in alone.err) == (2, True)
