"""Reassignment, early ends and budgets in the fan-out fold."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncropel.api.tasks.waiting import why_pending
from syncropel.folds.fanout.child import END_CHILD, STREAM_EVENT, ChildState
from syncropel.folds.fanout.reassignments import (
    BUDGET_EXCEEDED,
    BUDGET_WARNING,
    DRAINED,
    END,
    OVER_BUDGET,
    REASSIGN,
    SUPERSEDED,
    spends,
)
from syncropel.folds.fanout.spend import Spend, Spent
from syncropel.folds.fanout.starts import Start
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import Record, StoredRecord

THREAD = "th_task"
A = "did:sync:instance:000000000000000a"
B = "did:sync:instance:000000000000000b"
COORDINATOR = "did:sync:instance:00000000000000c0"


def record(act: str, clock: int, body: dict[str, Any], thread: str = THREAD) -> StoredRecord:
    made = Record(thread, COORDINATOR, act, body, clock).identified()
    return StoredRecord(made, clock + 1, 1_700_000_000.0 + clock)


def fan_out(*records: StoredRecord, budget: float | None = None) -> FanOut:
    """Two subtasks for the least loaded worker, and what came after."""
    subtask = {"goal": "work", "target": "least-loaded-worker"}
    body = {"task": True, "goal": "much", "subtasks": [subtask] * 2, "join": "all", "budget_usd": budget}
    state = fold_task(THREAD, [record("INTEND", 0, body), *records])
    assert state.fanout is not None
    return state.fanout


def spawned(clock: int, attempt: int = 1, instance: str = A, index: int = 0) -> StoredRecord:
    about = {"index": index, "attempt": attempt, "instance": instance, "child_intend": f"{index}.{attempt}"}
    return record("DO", clock, {"topic": "fanout_spawned", **about})


def done(clock: int, attempt: int = 1, verdict: str = "accept", **more: Any) -> StoredRecord:
    about = {"index": 0, "attempt": attempt, "worker": A, "verdict": verdict, **more}
    return record("DO", clock, {"topic": "fanout_child_done", **about})


def reassign(clock: int, attempt: int = 1, **more: Any) -> StoredRecord:
    about = {"index": 0, "attempt": attempt, "from": A, "reason": "archived", **more}
    return record("LEARN", clock, {"topic": REASSIGN, **about})


def retry(clock: int, **more: Any) -> StoredRecord:
    return record("LEARN", clock, {"topic": "fanout_retry_subtask", "index": 0, **more})


def test_a_reassignment_raises_the_attempt_once_however_often_it_is_written() -> None:
    fanout = fan_out(spawned(1), reassign(2), reassign(3))
    assert fanout.attempt(0) == 2
    taken = fanout.taken_from(0)
    assert taken is not None
    assert (taken.instance, taken.reason) == (A, "archived")
    assert fan_out_children(fanout)[0].state == "pending"


def test_from_whom_work_was_taken_is_told_also_before_another_has_it() -> None:
    for records in ([spawned(1), reassign(2)], [spawned(1), reassign(2), retry(3)]):
        fanout = fan_out(*records)
        (child, _) = fan_out_children(fanout)
        assert child.spawn is None
        told = "" if len(records) == 3 else "taken over from worker-a (archived)"
        assert why_pending(fanout, child, "", {A: "worker-a"}) == told
        assert why_pending(fanout, child, "no worker is live", {A: "worker-a"}) == "no worker is live"


def test_of_a_retry_and_a_reassignment_at_once_only_the_first_raises_the_attempt() -> None:
    assert fan_out(spawned(1), retry(2), reassign(3)).attempt(0) == 2
    assert (
        fan_out(spawned(1), reassign(2), retry(3)).attempt(0) == 3
    )  # an operator's retry is always one more


def test_a_late_result_of_the_old_attempt_is_kept_and_ignored() -> None:
    fanout = fan_out(spawned(1), reassign(2), spawned(3, 2, B), done(4, 1, cost_usd=0.25))
    (child, _) = fan_out_children(fanout)
    assert (child.state, child.attempt, child.spawn and child.spawn.instance) == ("in_progress", 2, B)
    assert fanout.cost_usd == 0.25
    assert fanout.reports[(0, 1)].verdict == "accept"


def test_a_superseded_attempt_is_to_be_ended_until_it_has_a_result() -> None:
    fanout = fan_out(spawned(1), reassign(2), spawned(3, 2, B))
    assert fanout.end_reason(0, 1) == SUPERSEDED
    assert fanout.end_reason(0, 2) == ""
    assert [slot for slot, _ in fanout.to_end()] == [(0, 1)]
    assert not fan_out(spawned(1)).to_end()
    over = fan_out(spawned(1), reassign(2), spawned(3, 2, B), done(4, 1))
    assert not over.to_end()


def test_a_retry_may_bind_the_subtask_elsewhere_from_then_on() -> None:
    fanout = fan_out(retry(1, target="worker-b"), retry(2))
    assert fan_out_children(fanout)[0].subtask.target == "worker-b"
    assert fan_out_children(fanout)[1].subtask.target == "least-loaded-worker"
    assert fan_out_children(fan_out(retry(1, target="nowhere")))[0].subtask.target == "least-loaded-worker"


def test_an_attempt_can_be_ended_where_it_runs() -> None:
    end = record("LEARN", 2, {"topic": END, "index": 0, "attempt": 1, "reason": DRAINED})
    fanout = fan_out(spawned(1), end)
    assert (fanout.end_reason(0, 1), fanout.end_reason(1, 1)) == (DRAINED, "")
    assert fan_out_children(fanout)[0].state == "in_progress"


def test_a_fan_out_out_of_money_blocks_what_was_not_spawned_and_ends_the_rest() -> None:
    over = record("LEARN", 3, {"topic": BUDGET_EXCEEDED, "spent_usd": 1.0, "budget_usd": 1.0})
    fanout = fan_out(spawned(1), over, budget=1.0)
    assert [child.state for child in fan_out_children(fanout)] == ["in_progress", "blocked"]
    assert fanout.end_reason(0, 1) == OVER_BUDGET
    warned = fan_out(record("LEARN", 1, {"topic": BUDGET_WARNING}))
    assert (warned.moves.warned, warned.moves.exceeded) == (True, False)


_LEARNS = st.one_of(
    st.fixed_dictionaries(
        {
            "topic": st.sampled_from([REASSIGN, END]),
            "index": st.integers(-1, 2),
            "attempt": st.integers(0, 4),
            "reason": st.sampled_from(["archived", DRAINED]),
        }
    ),
    st.fixed_dictionaries(
        {"topic": st.just("fanout_retry_subtask"), "index": st.integers(-1, 2)},
        optional={"target": st.sampled_from(["worker-b", "nowhere", 3])},
    ),
)


@given(st.lists(_LEARNS, max_size=8))
def test_attempts_only_grow_and_each_reassignment_is_about_the_one_before(bodies: list[Any]) -> None:
    records = [record("LEARN", clock, body) for clock, body in enumerate(bodies, start=1)]
    before = [1, 1]
    for count in range(len(records) + 1):
        fanout = fan_out(*records[:count])
        now = [fanout.attempt(index) for index in (0, 1)]
        assert all(0 <= new - old <= 1 for new, old in zip(now, before, strict=True))
        for index, moved in fanout.moves.reassigned.items():
            attempts = [one.attempt for one in moved]
            assert attempts == sorted(set(attempts))
            assert attempts[-1] < fanout.attempt(index)
        before = now


@given(st.lists(_LEARNS, max_size=6), st.randoms())
def test_any_order_of_arrival_gives_the_same_course(bodies: list[Any], chance: Any) -> None:
    records = [record("LEARN", clock, body) for clock, body in enumerate(bodies, start=1)]
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert fan_out(*shuffled) == fan_out(*records)


def test_money_is_spent_at_its_last_cent_however_the_cents_were_added() -> None:
    assert spends(0.7 + 0.1 + 0.1 + 0.1, 1.0)
    assert not spends(0.99, 1.0)
    assert spends(0.4, 0.5, 0.8)
    assert not spends(5.0, None)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-2, 300)), max_size=12), st.randoms())
def test_spend_is_the_sum_of_what_was_observed_in_any_order(costs: list[Any], chance: Any) -> None:
    observed = [
        record(
            "KNOW",
            clock,
            {
                "kind": STREAM_EVENT,
                "child_intend": f"c{child}",
                "cost_usd": cents / 100,
                "cost_offset": clock,
            },
            "th_dispatch",
        )
        for clock, (child, cents) in enumerate(costs)
    ]
    chance.shuffle(observed)
    spend = Spend()
    for one in observed:
        spend.apply(one)
    for child in (0, 1):
        counted = [cents for of, cents in costs if of == child and cents > 0]
        assert abs(spend.of(f"c{child}").usd - sum(counted) / 100) < 1e-9


def test_what_is_no_cost_counts_nothing() -> None:
    spend = Spend()
    for clock, cost in enumerate([None, "1", True, float("inf"), -1]):
        body = {"kind": STREAM_EVENT, "child_intend": "c", "cost_usd": cost}
        made = Record("th_dispatch", COORDINATOR, "KNOW", body, clock)
        spend.apply(StoredRecord(made, clock, 0.0))
    assert spend.of("c") == Spent()


def test_an_end_may_come_before_the_attempt_that_it_ends() -> None:
    end = record("LEARN", 1, {"topic": END_CHILD, "child_intend": "x", "reason": SUPERSEDED}, "th_child")
    state = ChildState("th_child")
    state.apply(end)
    assert (state.ended, state.open) == ({"x": SUPERSEDED}, None)


def test_starts_of_moved_attempts_add_up_until_somebody_retries() -> None:
    one, two, three = ({"at": float(at), "instance": A, "pid": at, "ended": "x"} for at in (1, 2, 3))
    moved = [spawned(1), reassign(2, starts=[one])]
    again = [*moved, spawned(3, 2, B), reassign(4, 2, starts=[two, three, "none"])]
    fanout = fan_out(*again)
    assert [start.pid for start in fanout.starts_before(0, 3)] == [1, 2, 3]
    assert [start.pid for start in fanout.starts_before(0, 2)] == [1]
    assert fanout.starts_before(0, 1) == fanout.starts_before(1, 3) == ()
    silent = fan_out(*moved, spawned(3, 2, B), reassign(4, 2))
    assert [start.pid for start in silent.starts_before(0, 3)] == [1]
    retried = fan_out(*again, retry(5))
    assert retried.starts_before(0, 4) == ()
    assert fan_out(*moved, retry(3), spawned(4, 3), reassign(5, 3, starts=[two])).starts_before(0, 4) == (
        Start(2.0, A, 2, "x"),
    )
