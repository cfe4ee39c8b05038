"""Trust, folded from what workers reported."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from syncropel.folds.tasks.state import TaskState
from syncropel.folds.tasks.tally import Tally
from syncropel.folds.tasks.trust import Trust
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
    WORKER_A,
    WORKER_B,
    done,
    fold,
    parent,
    record,
    spawned,
    subtask,
)

DEV, REVIEWER = "did:sync:agent:dev", "did:sync:agent:reviewer"
TASK = record("INTEND", 0, {"task": True, "alias": "T-1"})
WORKED = record("DO", 1, {}, actor=DEV)
DONE = record("KNOW", 2, {"fulfills": TASK.id}, actor=DEV)


def verdict(clock: int, actor: str = REVIEWER, word: str = "accept", **more: str) -> Record:
    return record("KNOW", clock, {"verdict": word, **more}, actor=actor)


def trusted(tasks: Sequence[TaskState]) -> dict[str, Trust]:
    """Everyone with a result in these tasks, as it is counted over a log."""
    tally = Tally(changed=dict.fromkeys(str(at) for at in range(len(tasks))))
    return tally.settle(lambda at: tasks[int(at)]).scores()


def test_every_attempt_counts_for_whoever_reported_it() -> None:
    task = fold(
        parent([subtask(), subtask()]),
        spawned(0, 1),
        done(0, 2),
        done(1, 3, "failed"),
        done(1, 4, attempt=2, worker=WORKER_B),
    )
    assert trusted([task]) == {WORKER_A: Trust(2, 1), WORKER_B: Trust(1, 1)}


def test_a_task_without_a_fan_out_says_nothing() -> None:
    assert trusted([fold(record("INTEND", 0, {"task": True}))]) == {}


def test_a_verdict_of_another_is_a_result_of_everybody_who_worked() -> None:
    helped = record("CALL", 1, {}, actor=OPERATOR)
    task = fold(TASK, WORKED, helped, DONE, verdict(3))
    assert trusted([task]) == {DEV: Trust(1, 1), OPERATOR: Trust(1, 1)}
    other = fold(TASK, WORKED, DONE, verdict(3, word="reject"))
    assert trusted([task, other])[DEV] == Trust(2, 1)


def test_each_judge_counts_once_for_a_task_by_the_last_word() -> None:
    changed = fold(TASK, DONE, verdict(3), verdict(4), verdict(5, word="reject"))
    assert trusted([changed]) == {DEV: Trust(1, 0)}
    two = fold(TASK, DONE, verdict(3), verdict(4, OPERATOR))
    assert trusted([two]) == {DEV: Trust(2, 2)}


def test_what_somebody_said_of_their_own_work_is_counted_apart() -> None:
    own = fold(TASK, WORKED, DONE, verdict(3, DEV), verdict(4, DEV))
    assert trusted([own]) == {DEV: Trust(0, 0, own=1)}
    assert trusted([own, own, fold(TASK, DONE, verdict(3))])[DEV] == Trust(1, 1, own=2)
    later = fold(TASK, DONE, verdict(3, OPERATOR), record("DO", 4, {}, actor=OPERATOR))
    assert trusted([later]) == {OPERATOR: Trust(0, 0, own=1)}, "work that came after counts too"
    at_once = fold(TASK, verdict(1, DEV, fulfills=TASK.id))
    assert trusted([at_once]) == {DEV: Trust(0, 0, own=1)}


def test_the_order_of_own_and_others_words_does_not_matter() -> None:
    first = fold(TASK, DONE, verdict(3, DEV), verdict(4))
    then = fold(TASK, DONE, verdict(3), verdict(4, DEV))
    assert trusted([first]) == trusted([then]) == {DEV: Trust(1, 1, own=1)}


def test_a_verdict_on_what_was_not_done_is_no_evidence() -> None:
    assert trusted([fold(TASK, WORKED, verdict(3))]) == {}
    cancelled = record("DO", 3, {"topic": "task_cancelled"})
    assert trusted([fold(TASK, DONE, cancelled, verdict(4))]) == {}


def test_a_join_is_nobodys_verdict() -> None:
    fan_out = parent([subtask()])
    join = record("KNOW", 9, {"fulfills": fan_out.id, "verdict": "accept"}, actor=COORDINATOR)
    task = fold(fan_out, spawned(0, 1), done(0, 2), join)
    assert trusted([task]) == {WORKER_A: Trust(1, 1)}
    assert (task.workers, task.verdicts) == (set(), {})


def test_an_attempt_that_was_not_let_begin_is_nobodys_work() -> None:
    task = fold(parent([subtask()]), done(0, 2, "reject", worker=""))
    assert trusted([task]) == {}


@pytest.mark.parametrize(("trust", "score"), [(Trust(), 0.5), (Trust(2, 2), 0.75), (Trust(2, 0), 0.25)])
def test_little_evidence_moves_little(trust: Trust, score: float) -> None:
    assert trust.score == score
