"""When a fan-out would have joined: with the real predicate, exactly where it did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.base.order import fold_order
from syncropel.folds.explain.what_if import Satisfied, accepts, real_tipping_point, tipping_point
from syncropel.folds.fanout.join import decide, parse_join
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.replay.walk import Replay
from syncropel.folds.tasks.state import TaskState, fold_task
from syncropel.policy.joining import parse_join_safely
from syncropel.record.model import Record
from tests.folds.adding import added
from tests.folds.build import (
    COORDINATOR,
    THREAD,
    done,
    parent,
    record,
    retry,
    spawned,
    store,
    subtask,
    threads,
)
from tests.folds.test_replay import judge


def by(join: str) -> Satisfied:
    def satisfied(fanout: FanOut) -> bool:
        children = fan_out_children(fanout)
        return decide(parse_join_safely(join, len(children)), children).satisfied

    return satisfied


def own(fanout: FanOut) -> bool:
    return by(fanout.join)(fanout)


def walk(made: list[Record]) -> Replay:
    return Replay(THREAD, store(made), judge)


def taken_at(made: list[Record], one: Record) -> float:
    """When the log took this record."""
    return store(made)[made.index(one)].received_at


def test_of_two_results_the_later_in_the_log_tips_it_whatever_their_clocks_and_times() -> None:
    asked = parent([subtask(), subtask()], at=0.0)
    slow, quick = done(0, 3, at=5.0), done(1, 4, at=9.0)
    made = [asked, spawned(0, 1), spawned(1, 2), quick, slow]
    point = tipping_point(walk(made), own)
    assert point is not None
    assert (point.index, point.at) == (0, taken_at(made, slow))


def test_a_subtask_that_an_agent_added_undoes_a_join_or_tips_it() -> None:
    """As when nothing could be joined for a while."""
    asked = parent([subtask(), subtask()], may_add=1)
    first = done(0, 3, at=5.0)
    both, more, last = done(1, 4, at=6.0), added("a", 5, 2), done(2, 7, at=9.0)
    made = [asked, spawned(0, 1), spawned(1, 2), first, both, more, spawned(2, 6), last]
    made.append(record("KNOW", 8, {"fulfills": asked.id, "verdict": "accept"}, actor=COORDINATOR))
    point = real_tipping_point(walk(made), own)
    assert point is not None
    assert (point.record, point.index) == (last.id, 2)
    more_than_two = tipping_point(walk(made), lambda fanout: len(fanout.spec.subtasks) > 2)
    assert more_than_two is not None
    assert (more_than_two.record, more_than_two.index) == (more.id, None)


@given(threads(), st.sampled_from(["all", "any", "k_of_n:2"]))
def test_it_is_the_first_record_of_the_log_after_which_the_join_is_satisfied(
    made: list[Record], join: str
) -> None:
    stored, first = store(made), None
    for count in range(1, len(stored) + 1):
        fanout = fold_task(THREAD, stored[:count]).fanout
        if first is None and fanout is not None and by(join)(fanout):
            first = stored[count - 1].record.id
    point = tipping_point(walk(made), by(join))
    assert (point.record if point else None) == first


@given(threads())
def test_the_real_one_is_before_the_join_and_nothing_undoes_it_until_then(made: list[Record]) -> None:
    replay = walk(made)
    point = real_tipping_point(replay, own)
    states = [replay.state(at).folded for at in range(replay.total + 1)]
    fanouts = [fold_task(THREAD, store(made[:at])).fanout for at in range(len(states))]
    joined = next((at for at, one in enumerate(fanouts) if one is not None and one.joined), None)
    if joined is None:
        assert point is None or fanouts[-1] is None
        return
    if point is None:
        return
    at = next(at for at, one in enumerate(made, start=1) if one.id == point.record)
    assert at < joined
    assert all(one is not None and own(one) for one in fanouts[at:joined])
    before = fanouts[at - 1]
    assert before is None or not own(before)


def test_a_retry_takes_the_tipping_back() -> None:
    """The join could not be recorded: a freeze kept it. What satisfied it in the end is another result."""
    asked = parent([subtask(), subtask()], at=0.0)
    again = done(0, 40, attempt=2)
    joined = record("KNOW", 50, {"fulfills": asked.id, "verdict": "accept"})
    made = [asked, spawned(0, 1), spawned(1, 2), done(0, 10), done(1, 20), retry(0, 30),
            spawned(0, 31, attempt=2), again, joined]  # fmt: skip
    point = real_tipping_point(walk(made), own)
    assert point is not None
    assert (point.record, point.index) == (again.id, 0)


def test_a_result_that_the_log_took_after_the_join_tips_nothing() -> None:
    """Its clock was promised when its subtask was given away: in fold order it stands before the join."""
    asked = parent([subtask(), subtask(), subtask()], join="k_of_n:2", at=0.0)
    joined = record("KNOW", 9, {"fulfills": asked.id, "verdict": "accept", "at": 9.0})
    first, second, late = done(0, 4), done(1, 5), done(2, 6)
    made = [asked, *(spawned(index, index + 1) for index in range(3)), first, second, joined, late]
    real = real_tipping_point(walk(made), own)
    assert real is not None
    assert (real.record, real.accepted) == (second.id, 2)


@given(threads())
def test_the_count_of_accepts_decides_as_the_join_does(made: list[Record]) -> None:
    state = TaskState(THREAD)
    for stored in fold_order(store(made)):
        state.apply(stored)
        if state.fanout is not None:
            need = parse_join("any", len(state.fanout.spec.subtasks)).need
            assert need is not None
            assert (accepts(state.fanout) >= need) == by("any")(state.fanout)


def three() -> list[Record]:
    """Three subtasks that end one after the other at 10, 20 and 30 seconds; then all is joined."""
    asked = parent([subtask(), subtask(), subtask()], at=0.0)
    joined = {"fulfills": asked.id, "verdict": "accept", "at": 31.0}
    return [
        asked,
        *(spawned(index, index + 1) for index in range(3)),
        *(done(index, 10 * (index + 1)) for index in range(3)),
        record("KNOW", 31, joined),
    ]


def test_a_weaker_predicate_joins_sooner_and_costs_less() -> None:
    made = three()
    real = real_tipping_point(walk(made), own)
    sooner = tipping_point(walk(made), by("any"))
    assert real is not None
    assert sooner is not None
    assert (real.index, real.cost_usd, real.accepted, real.finished) == (2, 0.75, 3, 3)
    assert (sooner.index, sooner.cost_usd, sooner.accepted, sooner.finished) == (0, 0.25, 1, 1)
    assert (real.at, sooner.at) == (taken_at(made, made[6]), taken_at(made, made[4]))


def test_a_stronger_predicate_may_never_be_reached() -> None:
    asked = parent([subtask(), subtask()], join="any", at=0.0)
    joined = record("KNOW", 11, {"fulfills": asked.id, "verdict": "accept", "at": 11.0})
    made = [asked, spawned(0, 1), spawned(1, 2), done(0, 10), joined]
    assert tipping_point(walk(made), by("all")) is None


def test_results_that_come_after_the_real_join_count_for_the_supposed_one() -> None:
    asked = parent([subtask(), subtask()], join="any", at=0.0)
    joined = record("KNOW", 11, {"fulfills": asked.id, "verdict": "accept", "at": 11.0})
    late = done(1, 20)
    point = tipping_point(walk([asked, spawned(0, 1), spawned(1, 2), done(0, 10), joined, late]), by("all"))
    assert point is not None
    assert (point.record, point.index) == (late.id, 1)
