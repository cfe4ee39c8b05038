"""A DO with `cancels` cancels a task, by whatever of it the record names."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.base.order import fold_order
from syncropel.folds.explain.why import Circumstances, why
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    THREAD,
    WORKER_A,
    done,
    fold,
    parent,
    record,
    spawned,
    store,
    subtask,
)

TASK = record("INTEND", 0, {"task": True, "goal": "tidy up", "alias": "T-1"})
FAN_OUT = parent([subtask()], clock=1)
PART = record("INTEND", 2, {"goal": "a part"})
NOBODY = "ab" * 32


def cancel(named: Any, clock: int = 8, **more: Any) -> Record:
    return record("DO", clock, {"cancels": named, "reason": "not now", **more}, actor="did:sync:user:bob")


@pytest.mark.parametrize(
    ("named", "more", "status"),
    [
        (TASK.id, {}, "cancelled"),
        (True, {}, "cancelled"),
        ("nobody wants it", {}, "cancelled"),
        (TASK.id, {"topic": "task_started"}, "cancelled"),
        (TASK.id, {"topic": "task_cancelled"}, "cancelled"),
        (TASK.id, {"topic": "fanout_spawned"}, "open"),
        (NOBODY, {}, "open"),
        (PART.id, {}, "open"),
        (None, {}, "open"),
        (False, {}, "open"),
        ("", {}, "open"),
    ],
)
def test_what_cancels_a_task(named: Any, more: dict[str, Any], status: str) -> None:
    state = fold(TASK, PART, cancel(named, **more))
    assert state.status == status
    assert state.reason == ("not now" if status == "cancelled" else "")


@pytest.mark.parametrize("act", ["KNOW", "CALL", "LEARN", "PUT"])
def test_no_other_act_cancels(act: str) -> None:
    assert fold(TASK, record(act, 8, {"cancels": TASK.id})).status == "open"


@pytest.mark.parametrize("named", [TASK.id, FAN_OUT.id, True])
def test_it_ends_the_fan_out(named: Any) -> None:
    state = fold(TASK, FAN_OUT, spawned(0, 2), cancel(named))
    assert state.fanout is not None
    assert (state.status, state.fanout.active) == ("cancelled", False)


def test_a_cancelled_task_can_be_reopened_and_joins_then() -> None:
    made = [TASK, FAN_OUT, spawned(0, 2), cancel(TASK.id, 3), record("DO", 4, {"topic": "task_reopened"})]
    state = fold(*made, done(0, 5))
    assert state.fanout is not None
    assert (state.status, state.fanout.active) == ("open", True)


def test_a_clock_that_is_behind_cancels_too() -> None:
    late = record("INTEND", 1_000, {"task": True, "goal": "tidy up"})
    asked = parent([subtask()], clock=1_000)
    for one in (late, asked):
        state = fold(one, cancel(one.id, 900))
        assert state.status == "cancelled"
        assert state.fanout is None or not state.fanout.active


def test_a_result_of_a_clock_that_is_behind_counts_but_joins_nothing() -> None:
    late = record("INTEND", 1_000, {"task": True, "goal": "tidy up"})
    asked = parent([subtask()], clock=1_000)
    for one, status in ((late, "done"), (asked, "in_progress")):
        state = fold(one, record("KNOW", 900, {"fulfills": one.id}, actor=WORKER_A))
        assert state.status == status
        assert state.fanout is None or state.fanout.joined is None


def test_who_cancels_has_not_worked_on_it() -> None:
    for named in (TASK.id, NOBODY):
        assert fold(TASK, cancel(named)).workers == set()
    assert fold(TASK, cancel("")).workers == {"did:sync:user:bob"}


def test_why_names_the_record_that_cancels() -> None:
    stored = store(
        [TASK, FAN_OUT, spawned(0, 2), cancel(FAN_OUT.id), record("KNOW", 9, {"text": "so be it"})]
    )
    told = why(fold_task(THREAD, stored), fold_order(stored), Circumstances(names={COORDINATOR: "engine"}))
    assert told.sentence == "cancelled by did:sync:user:bob: not now"
    assert [(one.record, one.shows) for one in told.proofs] == [
        (cancel(FAN_OUT.id).id, "cancels it, by did:sync:user:bob")
    ]
