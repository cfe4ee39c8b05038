"""Accounts and tokens: what is granted, and what is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.control.access import (
    API_TOKEN,
    CORS_ORIGINS,
    SCOPES,
    SERVICE_ACCOUNT,
    TOKEN_REVOKED,
    Access,
    account_did,
)
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from tests.folds.build import record, store

HASH = "ab" * 32


def learn(clock: int, topic: str, **body: Any) -> Record:
    return record("LEARN", clock, {"topic": topic, **body}, thread=ENGINE_CONFIG)


def fold(*records: Record) -> Access:
    access = Access()
    for stored in store(records):
        access.apply(stored)
    return access


def token(clock: int, *scopes: str) -> Record:
    return learn(clock, API_TOKEN, sa_id="sa-ci", token_sha256=HASH, scopes=list(scopes))


def test_an_account_and_its_token() -> None:
    access = fold(
        learn(0, SERVICE_ACCOUNT, sa_id="sa-ci", scopes=["records:read"], at=5), token(1, "records:read")
    )
    assert access.accounts["sa-ci"].scopes == {"records:read"}
    found = access.token(HASH)
    assert found is not None
    assert access.allows(found, "records:read")
    assert not access.allows(found, "records:write")


def test_admin_may_do_everything() -> None:
    access = fold(token(0, "admin"))
    found = access.token(HASH)
    assert found is not None
    assert all(access.allows(found, scope) for scope in SCOPES)


def test_a_scope_that_is_not_on_the_list_grants_nothing() -> None:
    found = fold(token(0, "everything", "records:read")).token(HASH)
    assert found is not None
    assert found.scopes == {"records:read"}


@pytest.mark.parametrize("scopes", [None, "admin", {"admin": True}, [["admin"], {}, 3, None], 10**400])
def test_scopes_that_are_no_list_of_names_grant_nothing(scopes: Any) -> None:
    """Whatever JSON is in there: a daemon that cannot fold its accounts could never start again."""
    found = fold(learn(0, API_TOKEN, sa_id="sa-ci", token_sha256=HASH, scopes=scopes)).token(HASH)
    assert found is not None
    assert found.scopes == frozenset()


@pytest.mark.parametrize("backwards", [False, True])
def test_a_revoked_token_stays_revoked(backwards: bool) -> None:
    records = [token(0, "admin"), learn(1, TOKEN_REVOKED, token_sha256=HASH)]
    assert fold(*(reversed(records) if backwards else records)).token(HASH) is None
    assert fold(*records, token(2, "admin")).token(HASH) is None


def test_only_learn_on_the_config_thread_counts() -> None:
    body = dict(token(0, "admin").body)
    elsewhere = record("LEARN", 0, body, thread="th_else")
    said = record("KNOW", 1, body, thread=ENGINE_CONFIG)
    assert fold(elsewhere, said).tokens == {}


@pytest.mark.parametrize(
    ("body", "actors"),
    [
        ({}, None),
        ({"allowed_actors": []}, ()),
        ({"allowed_actors": ["a*", 7, "b"]}, ("a*", "b")),
        ({"allowed_actors": "a*"}, ()),
        ({"allowed_actors": None}, ()),
    ],
)
def test_whom_an_account_may_write_as(body: dict[str, Any], actors: tuple[str, ...] | None) -> None:
    access = fold(learn(0, SERVICE_ACCOUNT, sa_id="sa-ci", scopes=["admin"], **body))
    assert access.accounts["sa-ci"].actors == actors


@pytest.mark.parametrize("sa_id", ["sa-ci", 7])
@pytest.mark.parametrize("sha256", [HASH, 7, None])
def test_a_token_that_is_half_one_is_none(sa_id: Any, sha256: Any) -> None:
    access = fold(learn(0, API_TOKEN, sa_id=sa_id, token_sha256=sha256, scopes=["admin"]))
    assert bool(access.tokens) == (sa_id == "sa-ci" and sha256 == HASH)


@pytest.mark.parametrize(
    "body",
    [
        {"topic": "note", "sa_id": "sa-ci", "token_sha256": HASH, "scopes": ["admin"]},
        {"topic": "note", "token_sha256": HASH},
        {"topic": SERVICE_ACCOUNT, "sa_id": 7, "token_sha256": HASH},
        {"topic": SERVICE_ACCOUNT, "sa_id": ["sa-ci"]},
        {"topic": TOKEN_REVOKED},
        {"topic": TOKEN_REVOKED, "token_sha256": [HASH]},
    ],
)
def test_what_says_nothing_of_accounts_and_tokens_changes_nothing(body: dict[str, Any]) -> None:
    access = fold(token(0, "records:read"), learn(1, **body))
    found = access.token(HASH)
    assert found is not None
    assert found.scopes == {"records:read"}
    assert (access.accounts, access.revoked) == ({}, set())


def test_an_account_writes_as_itself() -> None:
    assert account_did("sa-ci") == "did:sync:service:sa-ci"


def test_only_the_newest_list_of_origins_counts_and_one_that_is_none_changes_nothing() -> None:
    first, second = ["https://a.example"], ["https://b.example"]
    new, old = learn(5, CORS_ORIGINS, origins=second), learn(3, CORS_ORIGINS, origins=first)
    for order in ((new, old), (old, new)):
        assert fold(*order).origins == ("https://b.example",)
    for odd in ("https://c.example", None, ["no origin"]):
        assert fold(new, learn(9, CORS_ORIGINS, origins=odd), old).origins == ("https://b.example",)
    assert fold(learn(1, "note", origins=first)).origins == ()
