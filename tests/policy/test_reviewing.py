"""What may be written of a review: against every state of an attempt, and of its task."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.turns import needs_quiet
from syncropel.engine.merging.choosing import choose
from syncropel.errors import Conflict, SyncropelError
from syncropel.folds.fanout.additions import REFUSED, addition_id
from syncropel.folds.fanout.reviews import REVIEW
from syncropel.folds.tasks.merges import ASKED
from syncropel.folds.tasks.state import REJECTIONS
from syncropel.policy.guard import check
from syncropel.record.model import Record
from syncropel.wire.review_limits import MOST_HINT
from tests.folds.adding import INTENDS
from tests.folds.adding import asked as wants
from tests.folds.build import (
    COORDINATOR,
    OPERATOR,
    THREAD,
    WORKER_A,
    done,
    fold,
    parent,
    record,
    retry,
    spawned,
    store,
    subtask,
)

COMMIT = "ab" * 20
LEFT = {"branch": "task/T-1+0", "commit": COMMIT}
PARENT = parent([subtask(), subtask(), subtask(0), subtask(2)])
ACCEPTED = [PARENT, spawned(0, 1), done(0, 5, worktree=LEFT)]
BRANCH = {"index": 0, "attempt": 1, "branch": LEFT["branch"], "commit": COMMIT}


def said(verdict: str, **more: Any) -> Record:
    body = {"index": 0, "attempt": 1, "commit": COMMIT, "verdict": verdict, "text": "so", **more}
    hint = {"hint": "no"} if verdict == "reject" else {}
    return record("LEARN", 90, {"topic": REVIEW, **hint, **body})


def asked(mode: str = "merge", dry_run: bool = False) -> Record:
    body = {"topic": ASKED, "instance": WORKER_A, "repo": "app", "into": "", "mode": mode}
    return record("LEARN", 20, {**body, "dry_run": dry_run, "branches": [BRANCH]})


def merged() -> list[Record]:
    ask = asked()
    steps: list[dict[str, Any]] = [{"what": "started", "into": "main"}, {"what": "merged", "index": 0}]
    steps += [{"what": "moved", "new": "cd" * 20}, {"what": "ended", "state": "merged"}]
    bodies = [{"topic": "merge_step", "merge": ask.id, "step": at, **one} for at, one in enumerate(steps)]
    return [ask, *(record("KNOW", 21 + at, one, actor=WORKER_A) for at, one in enumerate(bodies))]


def judge(one: Record, *records: Record) -> SyncropelError | None:
    live = LiveFolds()
    for stored in store(records):
        live.apply(stored)
    return check(one, live, 0.0, COORDINATOR)


JOINED = record("KNOW", 60, {"fulfills": PARENT.id, "verdict": "accept"}, actor=COORDINATOR)
CANCELLED = record("DO", 30, {"topic": "task_cancelled"})
SPENT = record("LEARN", 30, {"topic": "fanout_budget_exceeded"}, actor=COORDINATOR)
BEGUN = [spawned(2, 30), done(2, 36), spawned(3, 40)]
WORKED = record("DO", 30, {"topic": "wrote"}, actor=OPERATOR)
REJECTED = said("reject")
BOTH, NO_ACCEPT, NO_REJECT = ("accept", "reject"), ("reject",), ("accept",)
STATES: dict[str, tuple[list[Record], tuple[str, ...], str]] = {
    "accepted": (ACCEPTED, BOTH, ""),
    "no task": ([], (), "no subtasks"),
    "not begun": ([PARENT], (), "not begun"),
    "running": ([PARENT, spawned(0, 1)], (), "running"),
    **{
        verdict: ([PARENT, spawned(0, 1), done(0, 5, verdict)], (), f"is {verdict}: only accepted")
        for verdict in ("failed", "reject", "timeout", "terminated")
    },
    "another commit": ([PARENT, spawned(0, 1), done(0, 5)], (), "is commit (none), not abab"),
    "retried": ([*ACCEPTED, retry(0, 30)], (), "not the latest: that is attempt 2"),
    "rejected": ([*ACCEPTED, said("reject")], (), "was rejected by"),
    "approved": ([*ACCEPTED, said("accept")], NO_ACCEPT, "already"),
    "joined": ([*ACCEPTED, JOINED], NO_REJECT, "has joined"),
    "cancelled": ([*ACCEPTED, CANCELLED], NO_REJECT, "was cancelled"),
    "spent": ([*ACCEPTED, SPENT], NO_REJECT, "spent its budget"),
    "merged": ([*ACCEPTED, *merged()], NO_REJECT, "is merged into main"),
    "being merged": ([*ACCEPTED, asked()], NO_REJECT, "is being merged"),
    "tried to merge": ([*ACCEPTED, asked(dry_run=True)], BOTH, ""),
    "begun with": ([*ACCEPTED, *BEGUN], NO_REJECT, "have begun, and keep their results: [2], [3]"),
    "own work": ([*ACCEPTED, WORKED], (), "did the work"),
}


@pytest.mark.parametrize("verdict", BOTH)
@pytest.mark.parametrize("state", STATES)
def test_every_verdict_in_every_state(state: str, verdict: str) -> None:
    records, allowed, told = STATES[state]
    refused = judge(said(verdict, text="again"), *records)
    if verdict in allowed:
        assert refused is None
        return
    assert refused is not None
    assert told in refused.message
    assert refused.hint


def test_anyway_is_about_subtasks_that_have_begun_and_nothing_else() -> None:
    assert judge(said("reject", anyway=True), *ACCEPTED, *BEGUN) is None
    assert judge(said("reject", anyway=True), *ACCEPTED, *BEGUN, JOINED) is not None


@pytest.mark.parametrize(
    "more",
    [{"index": -1}, {"hint": ""}, {"hint": 7}, {"hint": "x" * (MOST_HINT + 1)}, {"notes": 1}],
)
def test_a_bad_shape_is_refused_whoever_writes_it(more: dict[str, Any]) -> None:
    refused = judge(said("reject", **more), *ACCEPTED)
    assert refused is not None
    assert refused.code == "INVALID_RECORD"
    assert judge(said("accept", hint="listen"), *ACCEPTED) is not None
    long = [{"text": "x" * 3999}] * 5
    assert judge(said("accept", notes=long), *ACCEPTED) is not None


def test_no_join_no_spawn_and_no_merge_rests_on_a_rejected_attempt() -> None:
    later = [spawned(1, 6), done(1, 11)]
    assert judge(JOINED, *ACCEPTED, *later) is None
    refused = judge(JOINED, *ACCEPTED, *later, REJECTED)
    assert refused is not None
    assert refused.code == "OVERTAKEN"
    knows = record("KNOW", 99, {**JOINED.body, REJECTIONS: 1}, actor=COORDINATOR)
    assert judge(knows, *ACCEPTED, *later, REJECTED) is None
    assert judge(spawned(2, 95), *ACCEPTED) is None
    refused = judge(spawned(2, 95), *ACCEPTED, REJECTED)
    assert refused is not None
    assert refused.code == "OVERTAKEN"
    assert judge(spawned(0, 95, attempt=2), *ACCEPTED, REJECTED) is None
    assert judge(asked(), *ACCEPTED) is None
    refused = judge(asked(), *ACCEPTED, REJECTED)
    assert refused is not None
    assert "was rejected by" in refused.message


def test_no_join_comes_before_the_decision_about_a_subtask_that_an_agent_asks_for() -> None:
    """The request may come while the join is evaluated."""
    asks = [*ACCEPTED, spawned(1, 6), wants("a", 7, 1)]
    refused = judge(JOINED, *asks)
    assert refused is not None
    assert (refused.code, refused.message) == (
        "OVERTAKEN",
        "an attempt has asked for a subtask, and nothing is decided yet",
    )
    decided = {"topic": REFUSED, "asked": addition_id(INTENDS[1], "a"), "reason": "no"}
    assert judge(JOINED, *asks, record("LEARN", 8, decided, actor=COORDINATOR)) is None


def test_what_was_rejected_is_not_chosen_for_a_merge() -> None:
    with pytest.raises(Conflict, match=f"attempt 1 was rejected by {OPERATOR}, and attempt 2 is pending"):
        choose(fold(*ACCEPTED, REJECTED), [0])
    with pytest.raises(Conflict, match="no accepted subtask with a branch"):
        choose(fold(*ACCEPTED, REJECTED), [])


def test_nothing_else_is_written_while_a_review_is_judged() -> None:
    assert needs_quiet(said("reject"), LiveFolds())
    assert said("reject").thread == THREAD
