"""When a fan-out would have joined: with the real predicate, exactly where it did."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout import FanOut
from syncropel.folds.join import decide, parse_join
from syncropel.folds.order import fold_order
from syncropel.folds.subtasks import children
from syncropel.folds.task import TaskState, commutes, fold_task
from syncropel.folds.what_if import Satisfied, accepts, as_time_went, time_of, tipping_point
from syncropel.policy.joining import parse_join_safely
from syncropel.record import Record
from tests.folds.build import THREAD, done, parent, record, spawned, store, subtask, threads


def by(join: str) -> Satisfied:
    def satisfied(fanout: FanOut) -> bool:
        kids = children(fanout)
        return decide(parse_join_safely(join, len(kids)), kids).satisfied

    return satisfied


def own(fanout: FanOut) -> bool:
    return by(fanout.join)(fanout)


@given(threads())
def test_to_fold_as_time_went_gives_the_same_task(made: list[Record]) -> None:
    ordered = fold_order(store(made))
    timed = as_time_went(ordered)
    assert sorted(stored.sequence for _, stored in timed) == sorted(one.sequence for one in ordered)
    assert [at for at, _ in timed] == sorted(at for at, _ in timed)
    fixed = [stored for _, stored in timed if not commutes(stored.record)]
    assert fixed == [one for one in ordered if not commutes(one.record)]
    state = TaskState(THREAD)
    for _, stored in timed:
        state.apply(stored)
    assert state == fold_task(THREAD, ordered)


def test_of_two_results_the_later_in_time_tips_it_whatever_their_clocks() -> None:
    asked = parent([subtask(), subtask()], at=0.0)
    slow, quick = done(0, 3, at=9.0), done(1, 4, at=5.0)
    point = tipping_point(THREAD, fold_order(store([asked, spawned(0, 1), spawned(1, 2), slow, quick])), own)
    assert point is not None
    assert (point.index, point.at) == (0, 9.0)


def test_what_says_no_time_happened_when_it_came() -> None:
    for at in (None, "noon", True, float("1e300")):
        (stored,) = store([record("DO", 1, {"topic": "comment", "at": at})])
        assert time_of(stored) == stored.received_at


@given(threads(), st.sampled_from(["all", "any", "k_of_n:2"]))
def test_it_is_the_first_record_after_which_the_join_is_satisfied(made: list[Record], join: str) -> None:
    ordered = fold_order(store(made))
    state, first = TaskState(THREAD), None
    for _, stored in as_time_went(ordered):
        state.apply(stored)
        if first is None and state.fanout is not None and by(join)(state.fanout):
            first = stored.record.id
    point = tipping_point(THREAD, ordered, by(join))
    assert (point.record if point else None) == first


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
    ordered = fold_order(store(three()))
    real = tipping_point(THREAD, ordered, own)
    sooner = tipping_point(THREAD, ordered, by("any"))
    assert real is not None
    assert sooner is not None
    assert (real.index, real.at, real.cost_usd, real.accepted, real.finished) == (2, 30.0, 0.75, 3, 3)
    assert (sooner.index, sooner.at, sooner.cost_usd, sooner.accepted, sooner.finished) == (
        0,
        10.0,
        0.25,
        1,
        1,
    )


def test_a_stronger_predicate_may_never_be_reached() -> None:
    asked = parent([subtask(), subtask()], join="any", at=0.0)
    joined = record("KNOW", 11, {"fulfills": asked.id, "verdict": "accept", "at": 11.0})
    ordered = fold_order(store([asked, spawned(0, 1), spawned(1, 2), done(0, 10), joined]))
    assert tipping_point(THREAD, ordered, by("all")) is None


def test_results_that_come_after_the_real_join_count_for_the_supposed_one() -> None:
    asked = parent([subtask(), subtask()], join="any", at=0.0)
    joined = record("KNOW", 11, {"fulfills": asked.id, "verdict": "accept", "at": 11.0})
    late = done(1, 20)
    ordered = fold_order(store([asked, spawned(0, 1), spawned(1, 2), done(0, 10), joined, late]))
    point = tipping_point(THREAD, ordered, by("all"))
    assert point is not None
    assert (point.record, point.index) == (late.id, 1)
