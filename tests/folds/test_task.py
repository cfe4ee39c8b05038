"""The task fold: status, last word in fold order wins, and what ends a fan-out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.folds.fanout.state import FanOut
from syncropel.folds.tasks.state import STATUS_TOPICS, STATUSES, fold_task, is_task
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
    THREAD,
    WORKER_A,
    done,
    fold,
    parent,
    record,
    spawned,
    store,
    subtask,
    threads,
)

TASK = record("INTEND", 0, {"task": True, "goal": "tidy up", "alias": "T-1", "namespace": "docs"})


def say(topic: str, clock: int, **more: Any) -> Record:
    return record("DO", clock, {"topic": topic, **more})


def know(clock: int, actor: str = OPERATOR, **body: Any) -> Record:
    return record("KNOW", clock, body, actor=actor)


def test_the_opening_intend_gives_the_fields() -> None:
    body = {
        "task": True,
        "goal": "tidy up",
        "alias": "T-1",
        "priority": "high",
        "domain": "code",
        "namespace": "docs/v1",
        "labels": ["a", "b"],
        "hypothesis": "it helps",
        "criteria": ["tests pass"],
        "assignee": "did:ann",
    }
    state = fold(record("INTEND", 0, body), record("INTEND", 1, {"task": True, "goal": "another"}))
    assert (state.goal, state.alias, state.priority, state.domain) == ("tidy up", "T-1", "high", "code")
    assert (state.namespace, state.labels, state.criteria) == ("docs/v1", ["a", "b"], ["tests pass"])
    assert (state.hypothesis, state.assignee, state.status) == ("it helps", "did:ann", "open")


@pytest.mark.parametrize(("topic", "status"), STATUS_TOPICS.items())
@pytest.mark.parametrize("act", ["DO", "KNOW"])
def test_a_status_topic_brings_its_status_and_reason(topic: str, status: str, act: str) -> None:
    state = fold(TASK, record(act, 1, {"topic": topic, "reason": "because"}))
    assert (state.status, state.reason) == (status, "because")
    assert status in STATUSES


def test_a_comment_changes_no_status() -> None:
    assert fold(TASK, say("task_started", 1), say("comment", 2, reason="hm")).status == "in_progress"


@given(st.lists(st.sampled_from(list(STATUS_TOPICS)), min_size=1, max_size=6), st.randoms())
def test_the_last_word_in_fold_order_wins(topics: list[str], random: Any) -> None:
    """Not the one that arrived last."""
    records = [TASK, *(say(topic, clock) for clock, topic in enumerate(topics, start=1))]
    random.shuffle(records)
    assert fold(*records).status == STATUS_TOPICS[topics[-1]]


def test_done_then_approved() -> None:
    finished = fold(TASK, know(1, WORKER_A, fulfills=TASK.id, summary="tidied"))
    assert (finished.status, finished.completed_by, finished.summary) == ("done", WORKER_A, "tidied")
    judged = fold(
        TASK,
        know(1, WORKER_A, fulfills=TASK.id, summary="tidied"),
        know(2, OPERATOR, verdict="accept", notes="well done"),
    )
    assert (judged.status, judged.verdict_by, judged.reason) == ("approved", OPERATOR, "well done")
    assert judged.completed_by == WORKER_A


def test_reject_and_reopen() -> None:
    records = [TASK, know(1, fulfills=TASK.id), know(2, verdict="reject", notes="no tests")]
    assert fold(*records).status == "rejected"
    assert fold(*records, say("task_reopened", 3)).status == "open"


def test_a_result_of_something_else_is_not_this_task_s() -> None:
    state = fold(TASK, know(1, fulfills="f" * 64, verdict="accept"))
    assert (state.status, state.completed_by, state.verdict) == ("open", None, None)


FAN_OUT = parent([subtask(), subtask()])


def fan_out_after(*records: Record) -> FanOut:
    fanout = fold(FAN_OUT, *records).fanout
    assert fanout is not None
    return fanout


def test_cancelling_stops_the_fan_out_and_reopening_lets_it_go_on() -> None:
    assert fan_out_after().active
    cancelled = [say("task_cancelled", 1, reason="too dear")]
    assert not fan_out_after(*cancelled).active
    assert fan_out_after(*cancelled, say("task_reopened", 2)).active
    assert fan_out_after(*cancelled, say("task_started", 2)).active


@pytest.mark.parametrize("topic", ["task_blocked", "task_deferred", "task_failed"])
def test_nothing_but_taking_it_up_again_revives_what_was_cancelled(topic: str) -> None:
    """Money is spent by a fan-out that runs: a word about a cancelled task must not start it again."""
    assert not fan_out_after(say("task_cancelled", 1), say(topic, 2)).active


@pytest.mark.parametrize("verdict", ["accept", "reject"])
def test_judging_a_cancelled_task_does_not_revive_it(verdict: str) -> None:
    assert not fan_out_after(say("task_cancelled", 1), know(2, verdict=verdict)).active


def test_the_join_is_a_know_that_fulfills_the_parent() -> None:
    joined = know(
        4,
        COORDINATOR,
        fulfills=FAN_OUT.id,
        verdict="accept",
        explanation="2/2",
        cost_usd=0.5,
        wall_time_secs=3,
        at=9,
    )
    state = fold(FAN_OUT, joined)
    assert state.fanout is not None
    assert state.fanout.joined is not None
    assert not state.fanout.active
    assert (state.fanout.joined.record, state.fanout.joined.explanation) == (joined.id, "2/2")
    assert (state.status, state.completed_by, state.summary) == ("approved", COORDINATOR, "2/2")


def test_the_first_join_counts() -> None:
    first, second = (know(clock, COORDINATOR, fulfills=FAN_OUT.id, verdict="accept") for clock in (3, 5))
    fanout = fan_out_after(second, first)
    assert fanout.joined is not None
    assert fanout.joined.record == first.id


def test_the_first_fan_out_in_fold_order_counts() -> None:
    other = parent([subtask()], clock=2)
    assert fan_out_after(other).intend == FAN_OUT.id
    early = fold(other, spawned(0, 3), parent([subtask()] * 3, clock=1)).fanout
    assert early is not None
    assert len(early.spec.subtasks) == 3


def test_a_fan_out_that_cannot_be_read_starts_nothing() -> None:
    """The door refuses it; a log from elsewhere may hold one."""
    state = fold(TASK, parent([{"goal": "no target"}], clock=1))
    assert (state.fanout, state.status) == (None, "open")


def test_a_fan_out_without_a_task_before_it_is_a_task() -> None:
    intend = record("INTEND", 0, {"goal": "g", "subtasks": [subtask()]})
    assert is_task(intend)
    state = fold(intend, done(0, 2))
    assert state.status == "in_progress"
    assert state.fanout is not None


@settings(max_examples=60)
@given(threads(), st.randoms())
def test_arrival_does_not_matter(records: list[Record], random: Any) -> None:
    """A fold is a function of the set of records; only what the store adds may differ."""
    shuffled = list(records)
    random.shuffle(shuffled)
    here, there = fold_task(THREAD, store(records)), fold_task(THREAD, store(shuffled))
    for state in (here, there):
        state.created_at = state.updated_at = 0.0
    assert here == there


@settings(max_examples=30)
@given(threads())
def test_only_known_statuses_come_up(records: list[Record]) -> None:
    assert fold_task(THREAD, store(records)).status in STATUSES
