"""Consent: whose records may be shared with whom, as a truth table and in any order of arrival."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.consents import LATEST_EXPIRY, Consents
from syncropel.folds.replay.facts import facts_of
from syncropel.folds.replay.thread_state import ThreadState
from syncropel.record.model import Record
from syncropel.record.threads import CONSENT, FLEET_CONTROL, clock_ceiling
from tests.folds.build import record, store

NOW = 1000.0


def word(
    topic: str, source: Any = "docs", target: Any = "partner", clock: int = 1, act: str = "LEARN", **more: Any
) -> Record:
    body = {"topic": f"consent_{topic}", "source_namespace": source, "target_namespace": target, **more}
    return record(act, clock, body, thread=CONSENT)


def folded(*records: Record) -> Consents:
    consents = Consents()
    for stored in store(records):
        consents.apply(stored)
    return consents


@pytest.mark.parametrize(
    ("granted", "source", "target", "allowed"),
    [
        # without any grant: only what is in the receiving namespace already
        (None, "docs", "docs", True),
        (None, "docs/v1", "docs", True),
        (None, "docs", "docs/v1", False),
        (None, "docs", "partner", False),
        (None, "default", "default", True),
        (None, "default", "docs", False),
        (None, "docs", "default", False),
        (None, "docsx", "docs", False),
        # a grant covers what is below both of its ends
        (("docs", "partner"), "docs", "partner", True),
        (("docs", "partner"), "docs/v1", "partner", True),
        (("docs", "partner"), "docs/v1/x/y", "partner/eu", True),
        (("docs", "partner"), "docsx", "partner", False),
        (("docs", "partner"), "docs", "partners", False),
        (("docs/v1", "partner"), "docs", "partner", False),
        (("docs", "partner/eu"), "docs", "partner", False),
        # it has a direction, and is no chain
        (("docs", "partner"), "partner", "docs", False),
        (("docs", "partner"), "default", "partner", False),
        # default is a namespace like any other here, not the root of all
        (("default", "partner"), "default", "partner", True),
        (("default", "partner"), "docs", "partner", False),
        # names of older logs that the grammar does not allow
        (("docs", "partner"), "docs/a/b/c/d/e", "partner", True),
        (("docs", "partner"), "Docs", "partner", False),
        (("docs", "partner"), "", "partner", False),
        (("docs", "partner"), "*", "partner", False),
    ],
)
def test_what_may_be_shared(granted: tuple[str, str] | None, source: str, target: str, allowed: bool) -> None:
    consents = folded(*([word("granted", *granted)] if granted else []))
    assert consents.allows(source, target, NOW) is allowed
    assert consents.missing([source], target, NOW) == ([] if allowed else [source])


def test_a_chain_of_grants_is_no_grant() -> None:
    consents = folded(word("granted", "a", "b"), word("granted", "b", "c"))
    assert not consents.allows("a", "c", NOW)


def test_every_namespace_of_a_thread_has_to_consent() -> None:
    consents = folded(word("granted", "docs", "partner"))
    assert consents.missing(["docs", "secret", "docs", "code"], "partner", NOW) == ["code", "secret"]
    assert consents.missing([], "partner", NOW) == []


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, "active"),
        ({"purpose": "release notes", "at": 3.0}, "active"),
        ({"expires_at": None}, "active"),
        ({"expires_at": NOW + 0.5}, "active"),
        ({"expires_at": LATEST_EXPIRY}, "active"),
        ({"expires_at": NOW}, "expired"),
        ({"expires_at": 1}, "expired"),
        ({"expires_at": 0}, "invalid"),
        ({"expires_at": -1}, "invalid"),
        ({"expires_at": True}, "invalid"),
        ({"expires_at": "tomorrow"}, "invalid"),
        ({"expires_at": LATEST_EXPIRY + 1}, "invalid"),
        ({"purpose": 3}, "invalid"),
        ({"hash_levels": ["L1"]}, "invalid"),
        ({"threads": ["t"]}, "invalid"),
        ({"reason": "x"}, "invalid"),
    ],
)
def test_when_a_grant_is_in_force(more: dict[str, Any], state: str) -> None:
    consents = folded(word("granted", **more))
    assert consents.known["docs", "partner"].state(NOW) == state
    assert consents.allows("docs", "partner", NOW) is (state == "active")


@pytest.mark.parametrize(
    "other",
    [
        word("granted", clock=1),
        word("granted", clock=9, act="KNOW"),
        word("granted", clock=clock_ceiling(CONSENT) + 1),
        record("LEARN", 9, {"topic": "consent_granted", "source_namespace": "docs"}, thread=CONSENT),
        word("granted", "Docs", clock=9),
        word("granted", "*", clock=9),
        word("granted", ["docs"], clock=9),
        word("granted", None, None, clock=9),
        word("asked", clock=9),
        record(
            "LEARN",
            9,
            {"topic": "consent_granted", "source_namespace": "docs", "target_namespace": "partner"},
            thread=FLEET_CONTROL,
        ),
    ],
)
def test_what_does_not_undo_a_revocation(other: Record) -> None:
    for records in permutations([word("revoked", clock=5), other]):
        assert not folded(*records).allows("docs", "partner", NOW)


def test_a_revocation_says_why_and_another_grant_stands_again() -> None:
    consents = folded(word("granted", clock=1), word("revoked", clock=2, reason="contract ended"))
    known = consents.known["docs", "partner"]
    assert (known.state(NOW), known.purpose, known.revoked) == ("revoked", "contract ended", True)
    again = folded(word("revoked", clock=2), word("granted", clock=3, expires_at=NOW + 1))
    assert again.allows("docs", "partner", NOW)
    assert not again.allows("docs", "partner", NOW + 1)


def test_a_revocation_is_of_its_own_pair_alone() -> None:
    wide = word("granted", "docs", "partner", clock=1)
    consents = folded(wide, word("revoked", "docs/v1", "partner", clock=2))
    assert consents.allows("docs/v1", "partner", NOW)


def test_a_newer_grant_that_cannot_be_read_ends_the_older_one() -> None:
    consents = folded(word("granted", clock=1), word("granted", clock=2, hash_levels=["L2"]))
    assert not consents.allows("docs", "partner", NOW)
    assert consents.known["docs", "partner"].problem == "unknown member 'hash_levels'"


NAMES = st.sampled_from(["default", "a", "a/b", "a/b/c", "b", "ab"])
WORDS = st.builds(
    word,
    st.sampled_from(["granted", "revoked"]),
    NAMES,
    NAMES,
    st.integers(0, 3),
    expires_at=st.sampled_from([None, NOW - 1, NOW + 1, "x"]),
)


@given(st.lists(WORDS, max_size=8), st.randoms())
def test_the_order_of_arrival_does_not_matter(words: list[Record], random: Any) -> None:
    shuffled = list(words)
    random.shuffle(shuffled)
    assert folded(*words) == folded(*shuffled)


def _within(outer: str, inner: str) -> bool:
    return inner.split("/")[: len(outer.split("/"))] == outer.split("/")


@given(st.lists(WORDS, max_size=8), NAMES, NAMES)
def test_it_agrees_with_the_rule_in_plain_words(words: list[Record], source: str, target: str) -> None:
    newest: dict[tuple[str, str], Record] = {}
    for one in sorted(words, key=lambda one: (one.clock or 0, one.id)):
        newest[one.body["source_namespace"], one.body["target_namespace"]] = one
    granted = any(
        one.topic == "consent_granted"
        and one.body["expires_at"] in (None, NOW + 1)
        and _within(one.body["source_namespace"], source)
        and _within(one.body["target_namespace"], target)
        for one in newest.values()
    )
    assert folded(*words).allows(source, target, NOW) is (granted or _within(target, source))


def test_a_replay_shows_what_each_record_changed() -> None:
    state, seen = ThreadState.empty(CONSENT), []
    for stored in store([word("granted"), word("granted", "a", clock=2, x=1), word("revoked", clock=3)]):
        state.apply(stored)
        seen.append(facts_of(state, None, {}))  # type: ignore[arg-type]  # no join to judge
    assert [one.get("consent docs → partner") for one in seen] == ["granted", "granted", "revoked"]
    assert seen[2]["consent a → partner"] == "unknown member 'x'"
    assert {one["status"] for one in seen} == {"open"}
