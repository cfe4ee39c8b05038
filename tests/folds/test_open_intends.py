"""Which INTENDs of a thread are open: none when it is closed, its task over, or the result in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.replay.thread_state import ThreadState, fold_thread
from syncropel.folds.tasks.state import OVER
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    THREAD,
    WORKER_A,
    done,
    parent,
    record,
    spawned,
    store,
    subtask,
    threads,
)
from tests.folds.test_replay import judge

TASK = record("INTEND", 0, {"task": True, "goal": "tidy up", "alias": "T-1"})
FAN_OUT = parent([subtask()], clock=1)
PART = record("INTEND", 2, {"goal": "a part"})
WORK = (TASK, FAN_OUT, spawned(0, 3), done(0, 4))
JOIN = record("KNOW", 8, {"fulfills": FAN_OUT.id, "verdict": "accept"}, actor=COORDINATOR)
DONE = record("KNOW", 8, {"fulfills": TASK.id}, actor=WORKER_A)
REOPENED = record("DO", 20, {"topic": "task_reopened"})


def judged(verdict: str) -> Record:
    return record("KNOW", 9, {"verdict": verdict})


def step(topic: str) -> Record:
    return record("DO", 9, {"topic": topic})


def attempt(number: int) -> Record:
    body = {"parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "goal": "g", "attempt": number}
    return record("INTEND", 100 * number, body, actor=COORDINATOR)


def result(number: int, **more: object) -> Record:
    body = {"fulfills": attempt(number).id, "verdict": "failed", **more}
    return record("KNOW", 100 * number + 1, body, actor=WORKER_A)


def state(*records: Record) -> ThreadState:
    return fold_thread(THREAD, store(records))


@pytest.mark.parametrize(
    ("records", "left"),
    [
        ((TASK,), [TASK]),
        ((TASK, step("task_started")), [TASK]),
        ((TASK, step("task_failed")), [TASK]),
        ((TASK, step("task_deferred")), [TASK]),
        ((TASK, step("task_cancelled")), []),
        ((TASK, record("DO", 9, {"cancels": TASK.id})), []),
        ((TASK, DONE), []),
        ((TASK, DONE, judged("accept")), []),
        ((TASK, DONE, judged("reject")), []),
        ((TASK, DONE, judged("reject"), REOPENED), [TASK]),
        ((TASK, PART), [TASK, PART]),
        ((TASK, PART, record("KNOW", 3, {"fulfills": PART.id})), [TASK]),
        ((TASK, PART, record("DO", 3, {"cancels": PART.id})), [TASK]),
        ((TASK, PART, DONE), []),
        # fan-outs
        (WORK, [TASK, FAN_OUT]),
        ((*WORK, JOIN), []),
        ((*WORK, JOIN, judged("reject")), []),
        ((*WORK, JOIN, judged("reject"), REOPENED), [TASK]),
        ((*WORK, step("task_cancelled")), []),
        ((*WORK, step("task_cancelled"), REOPENED), [TASK, FAN_OUT]),
        ((FAN_OUT,), [FAN_OUT]),
        ((FAN_OUT, JOIN), []),
        ((FAN_OUT, JOIN, REOPENED), [FAN_OUT]),
    ],
)
def test_of_a_task(records: tuple[Record, ...], left: list[Record]) -> None:
    assert state(*records).open_intends() == [one.id for one in left]


@pytest.mark.parametrize(
    ("records", "left"),
    [
        ((attempt(1),), [attempt(1)]),
        ((attempt(1), result(1)), []),
        ((attempt(1), result(1), attempt(2)), [attempt(2)]),
        ((attempt(1), attempt(2)), [attempt(2)]),  # the instance was lost meanwhile
        ((attempt(1), attempt(2), result(2)), []),
        ((attempt(1), result(1, verdict="perhaps")), [attempt(1)]),
        ((attempt(1), record("KNOW", 102, {"verdict": "reject"})), [attempt(1)]),
        ((attempt(1), record("DO", 102, {"cancels": attempt(1).id})), [attempt(1)]),
        ((attempt(1), record("INTEND", 102), result(1)), [record("INTEND", 102)]),
    ],
)
def test_of_a_subtask(records: tuple[Record, ...], left: list[Record]) -> None:
    assert state(*records).open_intends() == [one.id for one in left]


def test_a_subtask_ends_with_its_result_alone() -> None:
    bystanders = [record("KNOW", 102, {"verdict": "reject"}), record("DO", 103, {"cancels": True})]
    assert state(attempt(1), *bystanders).status(judge) == "in_progress"
    assert state(attempt(1), *bystanders, result(1)).status(judge) == "failed"


def fork(clock: int = 1) -> Record:
    return record("INTEND", clock, {"sub_thread": "th_run_tests"})


TOLD = record("KNOW", 5, {"topic": "fork_closed", "child_thread": "th_run_tests", "result": "failed"})


@pytest.mark.parametrize(
    ("records", "left"),
    [
        ((PART, fork(3)), [PART, fork(3)]),
        ((PART, fork(3), TOLD), [PART]),
        ((fork(),), [fork()]),
        ((fork(), TOLD), [fork()]),  # it opens the thread as well
        ((TASK, fork(), TOLD), [TASK]),
        ((TASK, fork(), DONE), []),
    ],
)
def test_of_a_thread_with_children(records: tuple[Record, ...], left: list[Record]) -> None:
    assert state(*records).open_intends() == [one.id for one in left]


@given(threads(most=30), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(made: list[Record], random: object) -> None:
    before = state(*made)
    random.shuffle(made)  # type: ignore[attr-defined]
    after = state(*made)
    assert after.open_intends() == before.open_intends()
    assert after.closing == before.closing
    assert after.opened_by == before.opened_by


@given(threads(most=30))
def test_nothing_is_open_where_all_is_over(made: list[Record]) -> None:
    found = state(*made)
    over = found.folded.status in OVER if found.is_task else found.closing is not None
    intends = any(one.act == "INTEND" for one in made)
    assert bool(found.open_intends()) is (intends and not over)
