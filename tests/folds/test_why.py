"""Why a task stands as it does: there is always an answer, and its proofs are real records."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from syncropel.folds.base.order import fold_order
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.control.grace import Heard, Moment
from syncropel.folds.explain.what_if import real_tipping_point
from syncropel.folds.explain.why import Circumstances, Why, why
from syncropel.folds.fanout.join import JoinDecision, decide
from syncropel.folds.fanout.reviews import REVIEW
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.replay.walk import Replay
from syncropel.folds.tasks.state import fold_task
from syncropel.policy.joining import parse_join_safely
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
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

NAMES = {WORKER_A: "worker-a", COORDINATOR: "engine", OPERATOR: "ada"}


def told(*made: Record, freeze: Freeze | None = None, waits: dict[int, str] | None = None) -> Why:
    """The answer for a thread of these records."""
    stored = store(made)
    state = fold_task(THREAD, stored)
    now = Circumstances(names=NAMES)
    if state.fanout is not None:
        children = fan_out_children(state.fanout)
        decision = decide(parse_join_safely(state.fanout.join, len(children)), children, names=NAMES)
        now = Circumstances(children, decision, waits or {}, freeze, names=NAMES)
    if state.fanout is not None:
        tipped = real_tipping_point(Replay(THREAD, stored, judge), lambda one: judged(one).satisfied)
        now = replace(now, tipped=tipped)
    return why(state, fold_order(stored), now)


def judged(fanout: FanOut) -> JoinDecision:
    children = fan_out_children(fanout)
    return decide(parse_join_safely(fanout.join, len(children)), children)


def ids(answer: Why) -> set[str]:
    return {one.record for one in answer.proofs}


@given(threads())
def test_every_thread_has_an_answer_and_its_proofs_stand_on_it(made: list[Record]) -> None:
    answer = told(*made)
    assert answer.sentence.strip()
    assert "\n" not in answer.sentence
    assert ids(answer) <= {one.id for one in made}


def opened() -> Record:
    return record("INTEND", 0, {"task": True, "goal": "much", "alias": "T-1"})


def test_a_join_that_knew_nothing_of_a_rejection_explains_nothing() -> None:
    """As where two logs were brought together: the fold does not count it either."""
    asked = parent([subtask(target="worker-a")])
    review = {"topic": REVIEW, "index": 0, "attempt": 1, "verdict": "reject", "text": "no", "hint": "no"}
    ignored = record("KNOW", 5, {"fulfills": asked.id, "verdict": "accept"}, actor=COORDINATOR)
    answer = told(asked, spawned(0, 1), done(0, 2), record("LEARN", 4, review), ignored)
    assert answer.of_join
    assert answer.sentence.startswith("not done yet: 0/1 accepted")
    assert ignored.id not in ids(answer)


def test_an_open_task_was_asked_for_by_somebody() -> None:
    answer = told(opened())
    assert answer.sentence == "open: ada asked for it, and nobody has begun"
    assert ids(answer) == {opened().id}
    assert "spl task start T-1" in answer.hint


@pytest.mark.parametrize(
    ("topic", "status"),
    [("task_blocked", "blocked"), ("task_cancelled", "cancelled"), ("task_failed", "failed")],
)
def test_a_status_is_proved_by_the_record_that_gave_it(topic: str, status: str) -> None:
    earlier = record("DO", 1, {"topic": "task_started"})
    deciding = record("DO", 2, {"topic": topic, "reason": "the vendor is shut"})
    answer = told(opened(), earlier, deciding)
    assert answer.sentence == f"{status} by ada: the vendor is shut"
    assert ids(answer) == {deciding.id}


def test_a_rejection_names_who_and_why() -> None:
    first = opened()
    finished = record("KNOW", 1, {"fulfills": first.id, "summary": "three pages"})
    judged = record("KNOW", 2, {"fulfills": first.id, "verdict": "reject", "notes": "links are dead"})
    answer = told(first, finished, judged)
    assert answer.sentence == "rejected by ada: links are dead"
    assert ids(answer) == {judged.id}
    assert "reopen" in answer.hint


def test_a_fan_out_under_way_names_what_it_waits_for() -> None:
    asked = parent([subtask(), subtask(0), subtask(target="worker-z")])
    given_ = spawned(0, 1)
    answer = told(asked, given_, waits={1: "waits for [0]", 2: "no live instance is called worker-z"})
    assert answer.sentence.startswith("not done yet: 0/3 accepted, waits for [0] worker-a")
    assert "[1] waits for [0]" in answer.sentence
    assert "[2] no live instance" in answer.sentence
    assert ids(answer) == {asked.id, given_.id}


def test_a_freeze_is_the_reason_as_long_as_it_holds() -> None:
    heard = Heard(30.0, Moment(1.0, 1.0, "boot"))
    freeze = Freeze("hard", "docs", "prices", 30.0, False, 1.0, OPERATOR, "f" * 64, (1, "f" * 64), heard)
    asked = parent([subtask()], namespace="docs")
    answer = told(asked, freeze=freeze)
    assert answer.sentence == "not done yet: held by the hard freeze of 'docs': prices"
    assert answer.proofs[0].record == "f" * 64
    assert answer.hint == "lift it: spl unkill --namespace docs"


def test_what_cannot_join_any_more_names_the_guilty_and_the_way_out() -> None:
    asked, bad = parent([subtask(), subtask()]), done(1, 3, "failed")
    answer = told(asked, spawned(0, 1), spawned(1, 2), bad)
    assert answer.sentence.startswith("it cannot join any more: all can no longer be satisfied: [1] failed")
    assert answer.proofs[0].record == bad.id
    assert answer.hint == "spl task retry T-1 --subtask 1"


def test_a_join_names_the_result_that_tipped_it() -> None:
    asked = parent([subtask(), subtask()], join="any", at=0.0)
    first = done(1, 3)
    body = {"fulfills": asked.id, "verdict": "accept", "explanation": "1/2 accepted, any needs 1", "at": 4.0}
    join = record("KNOW", 4, body, actor=COORDINATOR)
    late = done(0, 5)
    answer = told(asked, spawned(0, 1), spawned(1, 2), first, join, late)
    assert answer.sentence == "joined 4.0 s after the fan-out: 1/2 accepted, any needs 1; [1] tipped it"
    assert [one.record for one in answer.proofs] == [join.id, first.id, asked.id]


def test_a_result_that_came_after_the_join_did_not_tip_it() -> None:
    """Reports have the clock that was promised with their spawn: in fold order this one precedes the join."""
    asked = parent([subtask(), subtask(), subtask()], join="any", at=0.0)
    first, late = done(1, 5), done(0, 4)
    body = {"fulfills": asked.id, "verdict": "accept", "explanation": "1/3 accepted, any needs 1", "at": 9.0}
    join = record("KNOW", 9, body, actor=COORDINATOR)
    answer = told(asked, spawned(0, 1), spawned(1, 2), spawned(2, 3), first, join, late)
    assert answer.sentence.endswith("; [1] tipped it")
    assert [one.record for one in answer.proofs] == [join.id, first.id, asked.id]
