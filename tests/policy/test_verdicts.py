"""Who may judge a task, and when: a table over statuses, acts and actors, and what the fold makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import Conflict, OwnWork, SyncropelError
from syncropel.folds.tasks.state import STATUS_TOPICS, STATUSES, fold_task
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
    THREAD,
    WORKER_A,
    WORKER_B,
    done,
    parent,
    record,
    spawned,
    store,
    subtask,
    threads,
)
from tests.policy.test_guard import refusal

DEV, REVIEWER = "did:sync:agent:dev", "did:sync:agent:reviewer"
TASK = record("INTEND", 0, {"task": True, "goal": "g", "alias": "T-1"})
DONE = record("KNOW", 5, {"fulfills": TASK.id}, actor=DEV)
FAN_OUT = parent([subtask(), subtask()])


def say(topic: str, clock: int, actor: str = OPERATOR, act: str = "DO") -> Record:
    return record(act, clock, {"topic": topic}, actor=actor)


def verdict(word: str = "accept", actor: str = REVIEWER, **more: Any) -> Record:
    return record("KNOW", 90, {"verdict": word, **more}, actor=actor)


LIVES: dict[str, list[Record]] = {
    "open": [TASK],
    "in_progress": [TASK, say("task_started", 1, DEV)],
    "blocked": [TASK, DONE, say("task_blocked", 6)],
    "deferred": [TASK, DONE, say("task_deferred", 6)],
    "done": [TASK, DONE],
    "approved": [TASK, DONE, record("KNOW", 6, {"verdict": "accept"})],
    "rejected": [TASK, DONE, record("KNOW", 6, {"verdict": "reject"})],
    "failed": [TASK, DONE, say("task_failed", 6)],
    "cancelled": [TASK, DONE, say("task_cancelled", 6)],
}


@pytest.mark.parametrize("word", ["accept", "reject", "perhaps", ""])
@pytest.mark.parametrize("status", STATUSES)
def test_only_work_that_is_done_can_be_judged(status: str, word: str) -> None:
    before = LIVES[status]
    assert fold_task(THREAD, store(before)).status == status
    told = refusal(verdict(word), *before)
    if status in ("done", "approved", "rejected"):
        assert told is None
    else:
        assert isinstance(told, Conflict)
        deed = "approve" if word == "accept" else "reject"
        assert told.message.startswith(f"cannot {deed} 'T-1': it is {status}, ")
        assert told.hint == f"first: spl task {'reopen' if status in ('failed', 'cancelled') else 'done'} T-1"


def test_a_task_without_an_alias_is_named_by_its_thread() -> None:
    nameless = record("INTEND", 0, {"task": True})
    told = refusal(verdict(), nameless)
    assert isinstance(told, Conflict)
    assert f"cannot approve {THREAD!r}" in told.message
    assert told.hint == f"first: spl task done {THREAD}"


def test_a_task_that_was_reopened_is_to_be_done_again() -> None:
    reopened = [TASK, DONE, say("task_reopened", 6)]
    assert isinstance(refusal(verdict(), *reopened), Conflict)
    again = record("KNOW", 7, {"fulfills": TASK.id}, actor="did:sync:agent:other")
    assert refusal(verdict(), *reopened, again) is None
    assert isinstance(refusal(verdict(actor=DEV), *reopened, again), OwnWork), "part of it is theirs"


WORK = [
    record("DO", 3, {"topic": "deploy"}, actor=REVIEWER),
    record("DO", 3, {}, actor=REVIEWER),
    *(record(act, 3, {}, actor=REVIEWER) for act in ("CALL", "PUT", "MAP")),
    say("task_started", 3, REVIEWER),
    record("KNOW", 3, {"fulfills": TASK.id}, actor=REVIEWER),
]
NO_WORK = [
    *(record(act, 3, {}, actor=REVIEWER) for act in ("GET", "KNOW", "LEARN", "INTEND")),
    *(say(topic, 3, REVIEWER) for topic in STATUS_TOPICS if topic != "task_started"),
    say("task_comment", 3, REVIEWER),
    say("task_started", 3, REVIEWER, "KNOW"),
    record("KNOW", 3, {"verdict": "reject"}, actor=REVIEWER),
    record("KNOW", 3, {"fulfills": "f" * 64}, actor=REVIEWER),
]


@pytest.mark.parametrize("word", ["accept", "reject"])
@pytest.mark.parametrize("work", WORK, ids=lambda one: f"{one.act} {one.topic}")
def test_who_did_the_work_does_not_judge_it(work: Record, word: str) -> None:
    told = refusal(verdict(word), TASK, work, DONE)
    assert isinstance(told, OwnWork)
    assert (told.status, told.code) == (403, "OWN_WORK")
    deed = "approve" if word == "accept" else "reject"
    assert told.message == f"{REVIEWER!r} did the work of 'T-1' and cannot {deed} it"
    assert told.hint.endswith(f"spl task {deed} T-1")
    assert refusal(verdict(word, OPERATOR), TASK, work, DONE) is None, "the others may"


@pytest.mark.parametrize("step", NO_WORK, ids=lambda one: f"{one.act} {one.topic}")
def test_who_only_had_a_word_on_it_does(step: Record) -> None:
    assert refusal(verdict(), TASK, step, DONE) is None


def test_who_says_that_it_is_done_does_not_say_in_one_breath_that_it_is_good() -> None:
    for before in ([TASK], [TASK, DONE]):
        assert isinstance(refusal(verdict(fulfills=TASK.id), *before), OwnWork)


@pytest.mark.parametrize(
    ("assignee", "own"),
    [(REVIEWER, True), ("reviewer", True), ("review", False), ("agent:reviewer", False), ("", False)],
)
def test_an_assignee_has_a_part_in_it(assignee: str, own: bool) -> None:
    task = record("INTEND", 0, {"task": True, "alias": "T-1", "assignee": assignee})
    finished = record("KNOW", 5, {"fulfills": task.id}, actor=DEV)
    assert isinstance(refusal(verdict(), task, finished), OwnWork) == own


def test_instances_that_had_a_subtask_have_a_part_in_it() -> None:
    reported = done(1, 4, worker=WORKER_B)
    joined = record("KNOW", 6, {"fulfills": FAN_OUT.id, "verdict": "accept"}, actor=COORDINATOR)
    before = [FAN_OUT, spawned(0, 1), reported, joined]
    for instance in (WORKER_A, WORKER_B):
        assert isinstance(refusal(verdict("reject", instance), *before), OwnWork)
    for other in (OPERATOR, REVIEWER, COORDINATOR):
        assert refusal(verdict("reject", other), *before) is None


def test_a_fan_out_is_joined_by_its_engine_while_its_task_is_open() -> None:
    join = record("KNOW", 6, {"fulfills": FAN_OUT.id, "verdict": "accept"}, actor=COORDINATOR)
    assert refusal(join, FAN_OUT, spawned(0, 1)) is None
    assert refusal(join, FAN_OUT, join) is None, "a second copy of it is none"
    assert isinstance(refusal(verdict(fulfills=FAN_OUT.id), FAN_OUT, join), OwnWork)
    assert isinstance(refusal(verdict(), FAN_OUT, spawned(0, 1)), Conflict)


@pytest.mark.parametrize(
    "body",
    [
        {"summary": "s"}, {"verdict": None}, {"verdict": 1}, {"verdict": ["accept"]},
        {"fulfills": "f" * 64, "verdict": "accept"}, {"fulfills": 3, "verdict": "accept"},
        {"topic": "task_blocked", "verdict": "accept"}, {"topic": "fanout_child_done", "verdict": "accept"},
    ],
)  # fmt: skip
def test_what_the_fold_takes_for_no_verdict_is_nobodys_business(body: dict[str, Any]) -> None:
    assert refusal(record("KNOW", 90, body, actor=DEV), TASK) is None


@pytest.mark.parametrize("act", ["INTEND", "DO", "LEARN", "CALL"])
def test_only_a_know_is_a_verdict(act: str) -> None:
    assert refusal(record(act, 90, {"verdict": "accept"}, actor=DEV), TASK) is None


def test_off_a_tasks_thread_there_is_nothing_to_judge() -> None:
    assert refusal(verdict()) is None
    elsewhere = record("KNOW", 90, {"verdict": "accept"}, thread="music.library")
    assert refusal(elsewhere, TASK) is None


@given(
    life=threads(),
    body=st.fixed_dictionaries(
        {},
        optional={
            "verdict": st.sampled_from(["accept", "reject", "perhaps", None, 1]),
            "topic": st.sampled_from([*STATUS_TOPICS, "fanout_child_done", "other"]),
            "fulfills": st.one_of(st.none(), st.integers(0, 5), st.just("f" * 64)),
        },
    ),
    act=st.sampled_from(["KNOW", "DO", "LEARN"]),
    actor=st.sampled_from([OPERATOR, WORKER_A, "did:sync:user:nobody"]),
)
def test_a_verdict_is_what_the_fold_takes_for_one(
    life: list[Record], body: dict[str, Any], act: str, actor: str
) -> None:
    """Whatever would change a task's verdict is looked at, and a join is the only exception."""
    intends = [one.id for one in life if one.act == "INTEND"]
    if isinstance(body.get("fulfills"), int) and intends:
        body = {**body, "fulfills": intends[body["fulfills"] % len(intends)]}
    task = fold_task(THREAD, store(life))
    said = record(act, 90, body, actor=actor)
    judged = task.is_judged_by(said)
    joined = task.fanout is not None and task.fanout.joined is not None
    task.verdict = task.verdict_by = None
    (stored,) = store([said])
    task.apply(stored)
    joins = not joined and task.fanout is not None and task.fanout.joined is not None
    assert judged == (task.verdict_by is not None and not joins)


@given(life=threads(), actor=st.sampled_from([OPERATOR, WORKER_A, WORKER_B]))
def test_nobody_approves_their_own_work_whatever_happened(life: list[Record], actor: str) -> None:
    told: SyncropelError | None = refusal(verdict(actor=actor), *life)
    task = fold_task(THREAD, store(life))
    if any(
        one.act == "KNOW" and one.actor == actor and one.body.get("fulfills") == task.intend for one in life
    ):
        assert not task.intend or told is not None
    if task.intend and told is None:
        assert task.status in ("done", "approved", "rejected")
