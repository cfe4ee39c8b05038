"""The fold of credentials: the newest word on an instance counts, in whatever order words come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from syncropel.folds.fleet.credentials import Credentials
from syncropel.record.model import Record
from tests.folds.build import OPERATOR, WORKER_A, WORKER_B, store

FIRST, SECOND = "a" * 64, "b" * 64
ORDERS = list(permutations(range(3)))


def word(clock: int, sha256: str = FIRST, did: str = WORKER_A, **more: Any) -> Record:
    body = {"topic": "instance_credential", "did": did, "sha256": sha256, "at": 1.5, **more}
    return Record("th_fleet_control", OPERATOR, "LEARN", body, clock).identified()


def revoked(clock: int, sha256: str = FIRST, **more: Any) -> Record:
    return word(clock, sha256, topic="instance_credential_revoked", **more)


def fold(*records: Record) -> Credentials:
    found = Credentials()
    for stored in store(records):
        found.apply(stored)
    return found


def test_a_hash_says_who_speaks() -> None:
    found = fold(word(1), word(2, SECOND, WORKER_B))
    first, second = found.by_hash(FIRST), found.by_hash(SECOND)
    assert first is not None
    assert second is not None
    assert (first.did, first.revoked, first.at, first.actor) == (WORKER_A, False, 1.5, OPERATOR)
    assert second.did == WORKER_B
    assert found.by_hash("") is None
    assert found.by_hash("c" * 64) is None
    assert not found.is_revoked(WORKER_A)


@pytest.mark.parametrize("order", ORDERS)
def test_one_that_is_replaced_is_nobodys(order: tuple[int, ...]) -> None:
    words = [word(1), word(2, SECOND), word(3, "c" * 64, WORKER_B)]
    found = fold(*(words[at] for at in order))
    assert found.by_hash(FIRST) is None
    holder = found.by_hash(SECOND)
    assert holder is not None
    assert holder.did == WORKER_A


@pytest.mark.parametrize("order", ORDERS)
def test_what_was_revoked_stays_so_until_a_new_one_is_given(order: tuple[int, ...]) -> None:
    words = [word(1), revoked(2, reason="lost"), word(3, SECOND, WORKER_B)]
    found = fold(*(words[at] for at in order))
    assert found.is_revoked(WORKER_A)
    known = found.by_hash(FIRST)
    assert known is not None
    assert (known.revoked, known.reason) == (True, "lost")
    again = fold(*(words[at] for at in order), word(4, "c" * 64))
    assert not again.is_revoked(WORKER_A)
    assert again.by_hash(FIRST) is None


def test_one_without_a_secret_is_revoked_too() -> None:
    found = fold(revoked(1, ""))
    assert found.is_revoked(WORKER_A)
    assert found.by_hash("") is None


def test_a_word_that_is_taken_back_leaves_nothing() -> None:
    found = fold(word(1), revoked(2, withdrawn=True))
    assert found.known == {}
    assert found.by_hash(FIRST) is None
    assert fold(revoked(2, withdrawn=True), word(1)).known == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "short"},
        {"sha256": ""},
        {"sha256": 7},
        {"sha256": "A" * 64},
        {"did": None},
        {"topic": "note"},
    ],
)
def test_what_is_no_word_changes_nothing(changes: dict[str, Any]) -> None:
    assert fold(word(1, **changes)).known == {}


@pytest.mark.parametrize("place", [{"thread": "t"}, {"act": "KNOW"}])
def test_only_control_is_taken(place: dict[str, Any]) -> None:
    one = word(1)
    whole = {"thread": one.thread, "actor": one.actor, "act": one.act, "body": one.body, "clock": 1, **place}
    assert fold(Record(**whole).identified()).known == {}


def test_a_word_that_a_worker_says_again_is_its_coordinators() -> None:
    said = word(1, author="did:sync:user:ann", source="d" * 64)
    again = Record(said.thread, WORKER_B, "LEARN", said.body, 1).identified()
    known = fold(again).by_hash(FIRST)
    assert known is not None
    assert (known.actor, known.record) == ("did:sync:user:ann", "d" * 64)


@pytest.mark.parametrize("order", ORDERS)
def test_the_former_is_good_until_the_new_one_was_used(order: tuple[int, ...]) -> None:
    third = "c" * 64
    words = [word(1), word(2, SECOND, before=FIRST), word(3, third, WORKER_B)]
    found = fold(*(words[at] for at in order))
    for one in (FIRST, SECOND):
        holder = found.by_hash(one)
        assert holder is not None
        assert (holder.did, holder.sha256, holder.before) == (WORKER_A, SECOND, FIRST)
    for end in (word(4, SECOND), revoked(4, SECOND)):
        ended = fold(*(words[at] for at in order), end)
        assert ended.by_hash(FIRST) is None
        assert ended.by_hash(SECOND) is not None


@pytest.mark.parametrize("before", [None, "", "x", 7, "z" * 64])
def test_a_former_one_that_is_no_hash_counts_for_nothing(before: Any) -> None:
    holder = fold(word(1, before=before)).by_hash(FIRST)
    assert holder is not None
    assert holder.before == ""
