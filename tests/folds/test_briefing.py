"""What a spawn tells of the predecessors: bounded, and the same when the INTEND is made again."""

from __future__ import annotations

from typing import Any

from syncropel.engine.fanout.spawn import child_intend, spawned
from syncropel.folds.fanout.briefing import MOST_SUBTASKS, MOST_SUMMARY, briefing_of
from syncropel.folds.fanout.spec import parse_fan_out
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children


def fan_out(count: int) -> FanOut:
    """One last subtask that depends on all others."""
    subtasks: list[dict[str, Any]] = [{"goal": f"goal {n}", "target": "worker-a"} for n in range(count)]
    subtasks.append({"goal": "last", "target": "worker-a", "depends_on": list(range(count))})
    body = {"subtasks": subtasks, "join": "all"}
    return FanOut("th_t", "intend", parse_fan_out(body), 0.0, 1, "all")


def report(fanout: FanOut, index: int, summary: str, attempt: int = 1, **more: Any) -> None:
    body = {"index": index, "attempt": attempt, "verdict": "accept", "summary": summary, "worker": "did:a"}
    fanout.record_report({**body, **more}, (10 + index, "r"), 1.0)


def test_it_has_what_the_worktree_has_and_nothing_odd() -> None:
    fanout = fan_out(1)
    left = {"branch": "task/T+0", "path": "/x", "commit": 5, "files": 2, "insertions": "many", "other": 1}
    report(fanout, 0, "done", worktree=left)
    told = {"index": 0, "attempt": 1, "instance": "did:a", "goal": "goal 0", "summary": "done"}
    assert briefing_of(fanout, (0,)) == {
        "subtasks": [{**told, "branch": "task/T+0", "path": "/x", "files": 2}]
    }


def test_without_predecessors_there_is_none() -> None:
    assert briefing_of(fan_out(1), ()) is None


def test_its_size_is_bounded_and_the_rest_is_counted() -> None:
    fanout = fan_out(50)
    for index in range(50):
        report(fanout, index, "s" * 100_000)
    told = briefing_of(fanout, tuple(range(50)))
    assert told is not None
    assert len(told["subtasks"]) == MOST_SUBTASKS
    assert told["left_out"] == 50 - MOST_SUBTASKS
    assert sum(len(row["summary"]) for row in told["subtasks"]) <= MOST_SUMMARY


def test_the_intend_is_the_same_when_a_predecessor_was_tried_again_meanwhile() -> None:
    fanout = fan_out(1)
    report(fanout, 0, "first")
    child = fan_out_children(fanout)[1]
    first = child_intend(fanout, child, 7, "did:c")
    decision = spawned(fanout, child, first, 7, "did:c", "did:a", 0.0)
    fanout.record_spawn(decision.body, (7, "s"), decision.actor)
    fanout.record_retry({"index": 0})
    report(fanout, 0, "second", attempt=2)
    again = child_intend(fanout, fan_out_children(fanout)[1], 7, "did:c")
    assert again.id == first.id == decision.body["child_intend"]
    assert again.body["briefing"]["subtasks"][0]["summary"] == "first"
