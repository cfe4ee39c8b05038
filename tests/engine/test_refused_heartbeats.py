"""Refused heartbeats: of whom they are kept, for how long they count, and what the log hears."""

from __future__ import annotations

import logging

import pytest

from syncropel.engine.fleet.refused_heartbeats import RefusedHeartbeats
from syncropel.folds.fleet.registry import Registry
from syncropel.peer.runtime import Runtime
from syncropel.record.threads import INSTANCE_REGISTRY
from tests.folds.build import WORKER_A, WORKER_B, record, store

SERIES_SECS = 10.0


class Door:
    """Refuses heartbeats at a time that the test sets. Worker-a has joined."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.registry = Registry()
        body = {"topic": "instance_state", "did": WORKER_A, "alias": "worker-a", "state": "joined", "at": 1}
        for stored in store([record("KNOW", 0, body, thread=INSTANCE_REGISTRY)]):
            self.registry.apply(stored)
        self.beats = RefusedHeartbeats(Runtime(monotonic=lambda: self.now))

    def refuse(self, did: str = WORKER_A, why: str = "no") -> bool:
        return self.beats.note(did, why, self.registry, SERIES_SECS)


@pytest.fixture
def door() -> Door:
    return Door()


def test_before_the_first_nothing_is_known(door: Door) -> None:
    assert door.beats.why(WORKER_A) == ""
    assert door.beats.silence(WORKER_A) == float("inf")
    door.beats.forget(WORKER_A)
    assert door.beats.why(WORKER_A) == ""


def test_the_latest_refusal_counts(door: Door) -> None:
    assert door.refuse(why="first") is True
    door.now += 4
    assert (door.beats.why(WORKER_A), door.beats.silence(WORKER_A)) == ("first", 4.0)
    assert door.refuse(why="x" * 400) is False, "that is no news"
    assert (door.beats.why(WORKER_A), door.beats.silence(WORKER_A)) == ("x" * 300, 0.0)
    assert door.beats.silence(WORKER_B) == float("inf")


def test_nothing_is_kept_of_who_never_joined(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    assert door.refuse(WORKER_B) is False
    assert (door.beats.why(WORKER_B), door.beats.silence(WORKER_B)) == ("", float("inf"))
    assert caplog.messages == []


def test_a_beat_that_was_taken_ends_it_and_the_next_refusal_is_news(door: Door) -> None:
    door.refuse()
    door.now += 3
    door.beats.forget(WORKER_A)
    assert door.beats.why(WORKER_A) == ""
    assert door.beats.silence(WORKER_A) == 3.0, "it was heard all the same"
    assert door.refuse() is True
    assert door.beats.why(WORKER_A) == "no"
    assert door.refuse() is False


@pytest.mark.parametrize(
    ("after", "lines"), [([], 1), ([10.0], 1), ([10.1], 2), ([9.0, 9.0, 9.0], 1), ([9.0, 11.0, 9.0], 2)]
)
def test_the_log_hears_of_a_series_once(
    door: Door, caplog: pytest.LogCaptureFixture, after: list[float], lines: int
) -> None:
    with caplog.at_level(logging.WARNING, "syncropel.engine.refused_beats"):
        door.refuse()
        for secs in after:
            door.now += secs
            door.beats.forget(WORKER_A)
            door.refuse()
    assert caplog.messages == ["worker-a runs, but its heartbeats are refused: no"] * lines
    assert {vars(one)["actor"] for one in caplog.records} == {WORKER_A}
