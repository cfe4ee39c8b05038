"""The proof's namespaces of threads are those that the live folds have, after every record of any log."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.proof import places
from syncropel.engine.proof.places import Places
from syncropel.folds.fanout.state import SPAWNED
from syncropel.folds.tasks.state import fold_task
from syncropel.policy.guard import namespaces_of
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL
from tests.folds.build import COORDINATOR, OPERATOR, parent, subtask

_THREADS = ["th_a", "th_b", "th_c", "th_d"]
_OLD = "a" * 64
_CHILD = {"parent_thread": "th_p", "parent_intend": _OLD, "index": 0, "goal": "g"}


def spawn(thread: str, child: Any, act: str = "DO") -> Record:
    return Record(thread, COORDINATOR, act, {"topic": SPAWNED, "child_thread": child})


def _bodies() -> st.SearchStrategy[dict[str, Any]]:
    kinds = st.sampled_from(
        [
            {},
            {},
            {"task": True, "goal": "g"},
            {"task": True, "goal": "g", "parent_thread": "th_b"},
            _CHILD,
            _CHILD | {"attempt": 2},
            _CHILD | {"attempt": 3},
            parent([subtask()], namespace="docs/v1").body,
            *({"sub_thread": thread} for thread in [*_THREADS, FLEET_CONTROL, "", 7]),
        ]
    )
    named = st.fixed_dictionaries(
        {}, optional={"namespace": st.sampled_from(["docs", "docs/v1", "code", "", 7])}
    )
    return st.builds(lambda kind, more: {**kind, **more}, kinds, named)


def _records() -> st.SearchStrategy[Record]:
    threads = st.sampled_from([*_THREADS, ENGINE_CONFIG])
    acts = st.sampled_from(["INTEND", "INTEND", "INTEND", "DO", "KNOW"])
    any_record = st.builds(
        lambda thread, act, body: Record(thread, OPERATOR, act, body), threads, acts, _bodies()
    )
    spawns = st.builds(
        spawn, threads, st.sampled_from([*_THREADS, 7, None]), st.sampled_from(["DO", "DO", "KNOW"])
    )
    return st.one_of(any_record, any_record, any_record, spawns)


_LOGS = st.lists(st.tuples(_records(), st.integers(0, 30)), max_size=14)


class Both:
    """The live folds and the places of one log."""

    def __init__(self) -> None:
        self.log: list[StoredRecord] = []
        self.live = LiveFolds()
        self.places = Places(self._intends)
        self.read = 0

    def _intends(self, thread: str, through: int) -> Iterable[StoredRecord]:
        self.read += 1
        assert through == len(self.log), "nothing is read before it is applied"
        return [one for one in self.log if one.record.thread == thread and one.record.act == "INTEND"]

    def append(self, record: Record, clock: int | None = None) -> None:
        sequence = len(self.log) + 1
        placed = record.with_clock(sequence if clock is None else clock)
        stored = StoredRecord(placed, sequence, 1.0)
        self.log.append(stored)
        self.live.apply(stored)
        for thread in list(self.live.stale):  # what `refold` does with a store
            self.live.stale.discard(thread)
            own = [one for one in self.log if one.record.thread == thread]
            self.live.tasks[thread] = fold_task(thread, own)
            self.live.folded_through[thread] = sequence
        self.places.apply(stored)

    def compare(self, threads: Iterable[str] = _THREADS) -> None:
        for thread in threads:
            asked = Record(thread, OPERATOR, "DO", {})
            assert namespaces_of(asked, self.places) == namespaces_of(asked, self.live), thread


@settings(max_examples=400, deadline=None)
@given(_LOGS, st.sets(st.integers(0, 13)))
def test_they_are_those_of_the_live_folds(made: list[tuple[Record, int]], looks: set[int]) -> None:
    """Also when nobody looks for a while: what was looked at before may have changed."""
    both = Both()
    with closing(both.places):
        for at, (record, clock) in enumerate(made):
            both.append(record, clock)
            if at in looks:
                both.compare()
        both.compare()


def test_they_forget_when_they_hold_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_KEPT", 10)
    both = Both()
    with closing(both.places):
        for n in range(100):
            both.append(Record(f"th_{n}", OPERATOR, "INTEND", {"namespace": "docs"}))
            both.compare([f"th_{n}"])
            assert len(both.places.index.threads) <= 10
        both.compare([f"th_{n}" for n in range(0, 100, 17)])


def test_a_thread_is_read_once_as_long_as_it_is_held() -> None:
    both = Both()
    with closing(both.places):
        both.append(Record("th_a", OPERATOR, "INTEND", {"namespace": "docs"}))
        both.compare(["th_a"])
        read = both.read
        for n in range(50):
            both.append(Record("th_a", OPERATOR, "INTEND" if n % 2 else "DO", {"namespace": "code"}))
            both.compare(["th_a"])
        assert both.read == read


def test_nothing_is_read_of_a_log_in_which_nobody_looks() -> None:
    both = Both()
    with closing(both.places):
        for n in range(20):
            both.append(Record(f"th_{n}", OPERATOR, "INTEND", {"namespace": "docs"}))
        assert (both.read, len(both.places.index.threads)) == (0, 0)
