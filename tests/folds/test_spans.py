"""A fan-out as a trace: what each span says, and that its ids follow from the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from syncropel.folds.fanout.reassignments import REASSIGN
from syncropel.folds.fanout.spec import parse_fan_out
from syncropel.folds.fanout.state import FanOut, Joined
from syncropel.folds.tasks.spans import Span, spans_of
from syncropel.folds.tasks.state import TaskState

NAMES = {"did:a": "worker-a"}


def fan_out(**changes: Any) -> FanOut:
    spec = parse_fan_out(
        {"subtasks": [{"goal": f"g{n}", "target": "round-robin", "adapter": "bash"} for n in range(2)]}
    )
    return FanOut("th_t", "i1", spec, 100.0, 0, "all", **changes)


def spawned(fanout: FanOut, index: int, attempt: int, at: float, clock: int) -> None:
    body = {"index": index, "attempt": attempt, "instance": "did:a", "at": at}
    child = {"child_thread": f"th_{index}", "child_intend": f"c{index}.{attempt}"}
    fanout.record_spawn(body | child, (clock, ""))


def reported(fanout: FanOut, index: int, attempt: int, at: float, **body: Any) -> None:
    usual = {"verdict": "accept", "worker": "did:a", "wall_time_secs": 5.0, "cost_usd": 0.5, "summary": "s"}
    known = {"index": index, "attempt": attempt, "at": at}
    fanout.record_report(usual | known | body, (50 + index, ""), at)


def joined(fanout: FanOut, at: float) -> None:
    fanout.joined = Joined("r", "accept", "", 1.0, 1.0, at)


def spans(fanout: FanOut, ended_at: float = 190.0, **more: Any) -> list[Span]:
    state = TaskState("th_t", alias="T", goal="all of it", fanout=fanout)
    return spans_of(state, ended_at, NAMES, **more)


def test_a_task_without_a_fan_out_has_no_trace() -> None:
    assert spans_of(TaskState("th_t"), 1.0, {}) == []


def test_the_whole_lasts_from_the_request_to_the_join() -> None:
    fanout = fan_out()
    spawned(fanout, 0, 1, 101.0, 1)
    reported(fanout, 0, 1, 110.0)
    joined(fanout, 120.0)
    whole, attempt = spans(fanout)
    assert (whole.began_at, whole.ended_at, whole.problem, whole.parent) == (100.0, 120.0, "", "")
    assert (attempt.began_at, attempt.ended_at, attempt.problem, attempt.parent) == (
        101.0,
        110.0,
        "",
        whole.id,
    )
    assert (len(whole.trace), len(whole.id), attempt.trace) == (32, 16, whole.trace)
    assert whole.attributes == {
        "syncropel.thread": "th_t",
        "syncropel.task": "T",
        "syncropel.namespace": "default",
        "syncropel.join": "all",
        "syncropel.subtasks": 2,
        "syncropel.attempts": 1,
        "syncropel.cost_usd": 0.5,
        "syncropel.cost_known": True,
    }
    assert attempt.attributes == {
        "syncropel.subtask": 0,
        "syncropel.attempt": 1,
        "syncropel.thread": "th_0",
        "syncropel.instance": "worker-a",
        "syncropel.adapter": "bash",
        "syncropel.verdict": "accept",
        "syncropel.cost_usd": 0.5,
        "syncropel.cost_known": True,
        "syncropel.wall_time_secs": 5.0,
        "syncropel.queued_secs": 4.0,
    }


def test_ids_follow_from_the_records_alone() -> None:
    first, again = fan_out(), fan_out(alias="other")
    for fanout in (first, again):
        spawned(fanout, 0, 1, 101.0, 1)
        joined(fanout, 120.0)
    assert [one.id for one in spans(first)] == [one.id for one in spans(again)]
    other = replace(fan_out(), intend="i2")
    joined(other, 120.0)
    assert spans(other)[0].trace != spans(first)[0].trace


def test_a_failure_says_why() -> None:
    fanout = fan_out()
    spawned(fanout, 0, 1, 101.0, 2)
    reported(fanout, 0, 1, 110.0, verdict="failed", reason="budget_exceeded")
    spawned(fanout, 1, 1, 101.0, 1)
    reported(fanout, 1, 1, 110.0, verdict="timeout")
    whole, second, first = spans(fanout)
    assert (first.problem, second.problem) == ("budget_exceeded", "timeout")
    assert first.attributes["syncropel.reason"] == "budget_exceeded"
    assert (whole.problem, whole.ended_at) == ("cancelled before it joined", 190.0)


def test_an_attempt_without_a_result_ends_with_the_whole() -> None:
    fanout = fan_out()
    spawned(fanout, 0, 1, 101.0, 1)
    fanout.record_move(REASSIGN, {"index": 0, "attempt": 1, "from": "did:a", "reason": "archived"})
    spawned(fanout, 0, 2, 150.0, 2)
    joined(fanout, 180.0)
    _, lost, running = spans(fanout)
    assert (lost.problem, lost.ended_at) == ("superseded", 180.0)
    assert (running.problem, running.ended_at) == ("it had no result when the fan-out ended", 180.0)


def test_no_span_ends_before_it_began_whatever_the_clocks_say() -> None:
    fanout = fan_out()
    spawned(fanout, 0, 1, 101.0, 1)
    reported(fanout, 0, 1, 90.0)
    joined(fanout, 50.0)
    assert [one.ended_at - one.began_at for one in spans(fanout)] == [0.0, 0.0]


def test_texts_are_in_it_only_if_they_are_wanted_and_short() -> None:
    fanout = fan_out()
    spawned(fanout, 0, 1, 101.0, 1)
    reported(fanout, 0, 1, 110.0, summary="x" * 9_000, agent={"model": "m-1"})
    joined(fanout, 120.0)
    assert not any("all of it" in str(one.attributes) or "xx" in str(one.attributes) for one in spans(fanout))
    whole, attempt = spans(fanout, texts=True)
    assert whole.attributes["syncropel.goal"] == "all of it"
    assert attempt.attributes["syncropel.goal"] == "g0"
    assert attempt.attributes["syncropel.summary"] == "x" * 500
    assert attempt.attributes["gen_ai.request.model"] == "m-1"
