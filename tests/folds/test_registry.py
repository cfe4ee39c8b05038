"""The instance registry: the newest word on each instance, and what silence means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fleet.registry import INSTANCE_STATE, STATUS_OF_STATE, Registry, lease_state
from syncropel.record.model import Record
from syncropel.record.threads import INSTANCE_REGISTRY
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B, record, store


def told(
    clock: int, did: str = WORKER_A, state: Any = "joined", actor: str = COORDINATOR, **more: Any
) -> Record:
    body = {"topic": INSTANCE_STATE, "did": did, "alias": "worker-a", "state": state, "at": clock, **more}
    return record("KNOW", clock, body, actor=actor, thread=INSTANCE_REGISTRY)


def fold(*records: Record) -> Registry:
    registry = Registry()
    for stored in store(records):
        registry.apply(stored)
    return registry


_WORDS = st.builds(
    told,
    st.integers(0, 9),
    st.sampled_from([WORKER_A, WORKER_B]),
    st.sampled_from([*STATUS_OF_STATE, "lost", None, [], {}]),
    st.sampled_from([COORDINATOR, WORKER_A]),
)


@given(st.lists(_WORDS, max_size=10), st.randoms())
def test_arrival_does_not_matter_and_the_newest_word_wins(words: list[Record], random: Any) -> None:
    shuffled = list(words)
    random.shuffle(shuffled)
    registry = fold(*shuffled)
    assert registry == fold(*words)
    for did, instance in registry.instances.items():
        known = [
            one for one in words if one.body["did"] == did and one.body["state"] in list(STATUS_OF_STATE)
        ]
        newest = max(known, key=lambda one: (one.clock or 0, one.id))
        assert (instance.state, instance.key) == (newest.body["state"], (newest.clock, newest.id))


def test_other_threads_and_other_topics_say_nothing() -> None:
    elsewhere = record("KNOW", 1, {**told(1).body}, thread="th_other")
    comment = record("KNOW", 2, {"topic": "comment", "did": WORKER_A}, thread=INSTANCE_REGISTRY)
    assert fold(elsewhere, comment).instances == {}


def test_of_two_with_one_alias_the_one_that_has_not_left_is_meant() -> None:
    """A worker whose home was made anew has the old name and a new DID."""
    registry = fold(told(1), told(2, WORKER_B), told(3, WORKER_A, "left"))
    found = registry.by_alias("worker-a")
    assert found is not None
    assert found.did == WORKER_B
    assert registry.by_alias("worker-z") is None


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (0, "joined"),
        (15, "joined"),
        (15.1, "stale"),
        (60, "stale"),
        (60.1, "archived"),
        (float("inf"), "archived"),
    ],
)
def test_silence(age: float, state: str) -> None:
    """Live within 3 intervals, stale within 12, archived beyond."""
    assert lease_state(age, 5.0) == state
