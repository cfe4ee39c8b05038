"""Starts: a table of what happened on a sub-thread, and how often a worker went down by that."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout.child import INTERRUPTED, NOT_STARTED, REATTACHED, SESSION, STREAM_EVENT
from syncropel.folds.fanout.sessions import Sessions
from syncropel.folds.fanout.spec import LARGEST
from syncropel.folds.fanout.starts import (
    MAX_LOSSES,
    MAX_STARTS,
    VANISHED,
    WENT_DOWN,
    Start,
    is_last,
    loops,
    lost,
    read_start,
    read_starts,
)
from syncropel.record.model import Record, StoredRecord
from tests.folds.build import COORDINATOR, WORKER_A, record, store

INTEND = "ab" * 32
S, R, N, I = SESSION, REATTACHED, NOT_STARTED, INTERRUPTED  # noqa: E741 - a table reads better so


def told(kind: str, at: float, thread: str = "th_run", intend: Any = INTEND, **more: Any) -> Record:
    body = {"kind": kind, "child_intend": intend, "at": at, "pid": int(at), **more}
    return record("KNOW", int(at), body, thread=thread, actor=WORKER_A)


def fold(*records: Record) -> Sessions:
    sessions = Sessions()
    for stored in store(records):
        sessions.apply(stored)
    return sessions


@pytest.mark.parametrize(
    ("runs", "starts"),
    [
        ([], []),
        ([[S]], [1]),
        ([[S], [S]], [1, 11]),
        ([[S], [S], [S]], [1, 11, 21]),
        ([[S, N]], []),
        ([[S, N], [S]], [11]),
        ([[S, I]], []),
        ([[S, I], [S, I], [S]], [21]),
        ([[S, R]], [1, 2]),
        ([[S, R, R]], [1, 2, 3]),
        ([[S, I, R]], [3]),
        ([[S, R, I]], [1]),
        ([[S, I, R, I, R]], [5]),
        ([[S, R, I, R], [S]], [1, 4, 11]),
        ([[N]], []),
        ([[I, S]], [2]),
        ([[R]], [1]),
    ],
)
def test_what_counts_as_a_start(runs: list[list[str]], starts: list[int]) -> None:
    records = [
        told(kind, run * 10 + number, f"th_run_{run}")
        for run, kinds in enumerate(runs)
        for number, kind in enumerate(kinds, start=1)
    ]
    found = fold(*records).of(INTEND)
    assert [(one.at, one.pid, one.instance) for one in found] == [(at, at, WORKER_A) for at in starts]
    assert [one.ended for one in found] == [WENT_DOWN] * (len(starts) - 1) + [""] * bool(starts)
    began = {run * 10 + at for run, kinds in enumerate(runs) for at, kind in enumerate(kinds, 1) if kind == S}
    assert [one.taken_back for one in found] == [at not in began for at in starts]


@given(
    st.lists(st.tuples(st.sampled_from([S, R, N, I]), st.integers(0, 2)), max_size=10),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_does_not_matter(events: list[tuple[str, int]], random: Random) -> None:
    records = [told(kind, at, f"th_run_{run}") for at, (kind, run) in enumerate(events)]
    shuffled = list(records)
    random.shuffle(shuffled)
    assert fold(*shuffled).of(INTEND) == fold(*records).of(INTEND) == fold(*records, *records).of(INTEND)


def test_attempts_do_not_mix_and_other_observations_are_none() -> None:
    sessions = fold(told(S, 1), told(S, 2, "th_other", "cd" * 32), told(STREAM_EVENT, 3, cost_usd=1))
    assert [one.at for one in sessions.of(INTEND)] == [1]
    assert [one.at for one in sessions.of("cd" * 32)] == [2]
    assert sessions.of("ef" * 32) == ()
    assert fold(told(S, 1, intend=7), told(S, 2, intend=None)).by_intend == {}


def test_a_session_that_says_nothing_of_itself_is_a_start_all_the_same() -> None:
    odd = record("KNOW", 1, {"kind": S, "child_intend": INTEND, "at": "soon", "pid": -3}, actor=WORKER_A)
    assert fold(odd).of(INTEND) == (Start(0.0, WORKER_A),)


def test_a_live_fold_forgets_them_with_the_result() -> None:
    live = LiveFolds()
    body = {"goal": "g", "parent_thread": "th_task", "parent_intend": "ef" * 32, "index": 0}
    intend = record("INTEND", 0, body, thread="th_child", actor=COORDINATOR)
    about = {"fulfills": intend.id, "verdict": "accept"}

    def take(one: Record) -> None:
        live.apply(StoredRecord(one, 1, 0.0))

    take(intend)
    take(told(S, 1, "th_run", intend.id))
    take(record("KNOW", 2, {**about, "verdict": "perhaps"}, thread="th_child"))
    assert len(live.starts.of(intend.id)) == 1
    take(record("KNOW", 3, about, thread="th_child"))
    assert live.starts.by_intend == {}


def test_three_are_too_many() -> None:
    one = Start(1.0, WORKER_A)
    assert [loops([one] * count) for count in range(5)] == [False, False, False, True, True]
    assert [is_last([one] * count) for count in range(5)] == [False, False, True, False, False]
    assert MAX_STARTS == 3


@pytest.mark.parametrize(
    ("begun", "taken_back", "too_many", "last"),
    [
        (1, 0, False, False),
        (1, 13, False, True),
        (1, 14, True, False),
        (2, 0, False, True),
        (2, 12, False, True),
        (2, 13, True, False),
        (3, 0, True, False),
        (0, 14, False, True),
        (0, 15, True, False),
    ],
)
def test_a_run_that_is_taken_back_may_lose_more_daemons(
    begun: int, taken_back: int, too_many: bool, last: bool
) -> None:
    starts = [Start(1.0, WORKER_A)] * begun + [Start(2.0, WORKER_A, taken_back=True)] * taken_back
    assert (loops(starts), is_last(starts)) == (too_many, last)
    assert MAX_LOSSES == 15


def test_what_ended_already_keeps_how() -> None:
    starts = (Start(1.0, WORKER_A, 5, WENT_DOWN), Start(2.0, WORKER_A, 6))
    assert [one.ended for one in lost(starts, VANISHED)] == [WENT_DOWN, VANISHED]
    assert [one.ended for one in lost(starts)] == [WENT_DOWN, WENT_DOWN]


def test_a_start_survives_a_body() -> None:
    starts = [Start(1.5, WORKER_A, 7, WENT_DOWN), Start(2.0, WORKER_A), Start(3.0, WORKER_A, taken_back=True)]
    assert read_starts([one.as_body() for one in starts]) == tuple(starts)


@pytest.mark.parametrize(
    "value", [None, {}, "x", 3, [None], [7], ["x"], [{}], [{"at": "1"}], [{"at": True}], [{"at": -1}]]
)
def test_what_is_no_start_is_none(value: Any) -> None:
    assert read_starts(value) == ()


def test_of_a_body_from_elsewhere_no_more_is_read_than_can_be_meant() -> None:
    assert len(read_starts([{"at": 1}] * 1000)) == 16
    assert read_start({"at": LARGEST}) == Start(float(LARGEST), "")
    assert read_start({"at": LARGEST * 1.01}) is None
    assert read_start({"at": 1, "pid": 2**31, "instance": None, "ended": None}) == Start(1.0, "")
    assert read_start({"at": 1, "pid": True}) == Start(1.0, "")
    assert read_start({"at": 1, "pid": 0}) == Start(1.0, "")
    assert read_start({"at": 0, "pid": 2**31 - 1, "instance": "x" * 600}) == Start(0.0, "x" * 512, 2**31 - 1)
