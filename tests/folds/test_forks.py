"""What a parent's own records say of its child threads, in whatever order they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.base.order import fold_order
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.forks.join import ChildThread, as_fan_out, known_children, undecided
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED, RESULTS, Forks, child_problem, join_in, runs
from syncropel.record.model import Record
from syncropel.record.threads import RESERVED
from tests.folds.build import COORDINATOR, OPERATOR, THREAD, fold, record, store

CHILD = "th_child"


def forks_child(clock: int, child: Any = CHILD, **body: Any) -> Record:
    return record("INTEND", clock, {"sub_thread": child, **body})


def closed(clock: int, result: Any = "accept", child: Any = CHILD, **body: Any) -> Record:
    whole = {"topic": FORK_CLOSED, "child_thread": child, "result": result, "status": "closed", **body}
    return record("KNOW", clock, whole, actor=COORDINATOR)


def joined(clock: int, opening: str, **body: Any) -> Record:
    whole = {"topic": FORK_JOINED, "fulfills": opening, "verdict": "accept", **body}
    return record("KNOW", clock, whole, actor=COORDINATOR)


def amended(clock: int, join: Any) -> Record:
    return record("LEARN", clock, {"topic": "fanout_amend_join", "join": join})


def folded(*records: Record) -> Forks:
    state = Forks(THREAD)
    for stored in store(records):
        state.apply(stored)
    return state


@pytest.mark.parametrize(
    ("child", "problem"),
    [
        ("th_a", ""),
        ("th_" + "f" * 64, ""),
        ("th_run.tests-1", ""),
        ("th_", "not a thread id"),
        ("TASK-1", "not a thread id"),
        ("", "not a thread id"),
        (None, "not a thread id"),
        (7, "not a thread id"),
        (["th_a"], "not a thread id"),
        ({"id": "th_a"}, "not a thread id"),
        ("th_a b", "not a thread id"),
        ("th_a\nb", "not a thread id"),
        ("th_" + "a" * 510, "not a thread id"),
        (THREAD, "the thread itself"),
        *((reserved, "reserved") for reserved in sorted(RESERVED)),
    ],
)
def test_what_can_be_a_child(child: Any, problem: str) -> None:
    assert (problem in child_problem(child, THREAD)) if problem else (child_problem(child, THREAD) == "")
    state = folded(forks_child(1, child))
    assert bool(state.forks) is not bool(problem)
    assert bool(state.marked) is bool(problem), "what does not hold is marked, not dropped"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, False),
        ({"goal": "g"}, False),
        ({"target": "worker-a"}, False),
        ({"goal": " ", "target": "worker-a"}, False),
        ({"goal": "g", "target": 1}, False),
        ({"goal": "g", "target": "worker-a"}, True),
    ],
)
def test_a_fork_runs_only_with_goal_and_target(body: dict[str, Any], expected: bool) -> None:
    assert runs(body) is expected
    fork = folded(forks_child(1, **body)).forks[CHILD]
    assert (fork.work is not None) is expected


def test_work_that_no_instance_could_take_is_only_watched() -> None:
    fork = folded(forks_child(1, goal="g", target="nowhere")).forks[CHILD]
    assert (fork.work, fork.goal, fork.actor) == (None, "g", OPERATOR)


def test_of_two_forks_of_a_child_the_first_counts_and_of_two_results_the_last() -> None:
    first, second = forks_child(1, goal="one"), forks_child(2, goal="two")
    failed, accepted = closed(3, "failed"), closed(4)
    for order in ((first, second, failed, accepted), (accepted, failed, second, first)):
        state = folded(*order)
        assert state.forks[CHILD].goal == "one"
        assert state.results[CHILD].result == "accept"


@pytest.mark.parametrize("result", ["perhaps", "", None, 7, ["accept"], {"accept": True}])
def test_a_result_that_is_none_is_passed_over(result: Any) -> None:
    assert folded(closed(1, result)).results == {}
    assert folded(closed(1, "accept", ["th_a"])).results == {}


def test_results_are_told_as_the_engine_wrote_them() -> None:
    told = folded(closed(3, "failed", summary="458/458 pass", cost_usd=0.5, at=9.0)).results[CHILD]
    assert (told.result, told.summary, told.cost_usd, told.at) == ("failed", "458/458 pass", 0.5, 9.0)
    assert {"accept", "reject", "failed", "cancelled"} == RESULTS


@pytest.mark.parametrize(
    ("body", "join"),
    [
        ({}, ""),
        ({"join": "all"}, "all"),
        ({"join": " any "}, "any"),
        ({"join": 7}, ""),
        ({"join": "all", "subtasks": []}, ""),
    ],
)
def test_the_join_of_an_opening_intend(body: dict[str, Any], join: str) -> None:
    assert join_in(body) == join


def test_a_fork_that_is_taken_back_counts_no_more_whichever_came_first() -> None:
    fork, other = forks_child(1), forks_child(2, "th_b")
    cancelled = record("DO", 3, {"cancels": fork.id})
    for order in ((fork, other, cancelled), (cancelled, other, fork)):
        found = {one.thread: one.problem for one in known_children(folded(*order))}
        assert found == {CHILD: "was taken back", "th_b": ""}
    whole = folded(fork, record("DO", 3, {"cancels": True}), record("KNOW", 4, {"cancels": fork.id}))
    assert [one.problem for one in known_children(whole)] == [""]


def test_the_join_that_was_given_last_counts() -> None:
    assert folded(amended(2, "any"), amended(1, "all")).amended == ((2, amended(2, "any").id), "any")
    assert folded(amended(1, ""), amended(2, 7), amended(3, "  ")).amended is None


def test_a_task_is_approved_by_the_join_of_its_children_and_that_is_nobodys_verdict() -> None:
    opening = record("INTEND", 0, {"task": True, "goal": "g", "alias": "T-1", "join": "all"})
    state = fold(opening, forks_child(1), closed(2), joined(3, opening.id))
    assert (state.status, state.verdict, state.join) == ("approved", "accept", "all")
    assert (state.workers, state.verdicts) == (set(), {})
    assert not state.is_judged_by(joined(4, opening.id))


def test_results_of_children_change_nothing_about_a_task_without_a_join() -> None:
    opening = record("INTEND", 0, {"task": True, "goal": "g"})
    plain = fold(opening)
    told = fold(opening, closed(1, "reject"), closed(2, "failed", "th_b"))
    assert (told.status, told.verdict, told.workers) == (plain.status, plain.verdict, plain.workers)


CHILDREN = ("th_a", "th_b", "th_c")
_ANY_CHILD = st.sampled_from([*CHILDREN, "nothing", 7, THREAD])


@st.composite
def fork_threads(draw: st.DrawFn) -> list[Record]:
    """Forks, results, joins and amendments on one thread, some of them nonsense, with clocks that repeat."""
    opening = record("INTEND", 0, {"goal": "g", "join": "all"})
    made = [opening]
    for place in range(draw(st.integers(0, 12))):
        clock = draw(st.integers(0, 5))
        made.append(
            draw(
                st.sampled_from(
                    [
                        forks_child(clock, draw(_ANY_CHILD), goal=f"goal {place}"),
                        closed(
                            clock,
                            draw(st.sampled_from([*sorted(RESULTS), "perhaps"])),
                            draw(_ANY_CHILD),
                            at=float(place),
                        ),
                        joined(clock, opening.id, at=float(place)),
                        amended(clock, draw(st.sampled_from(["any", "k_of_n:2", "", 7]))),
                    ]
                )
            )
        )
    return made


@given(fork_threads(), st.randoms(use_true_random=False))
def test_the_order_of_delivery_does_not_matter(made: list[Record], random: Any) -> None:
    stored = store(made)
    shuffled = list(stored)
    random.shuffle(shuffled)
    states = []
    for order in (fold_order(stored), shuffled, [*shuffled, *shuffled]):
        state = Forks(THREAD)
        for one in order:
            state.apply(one)
        states.append(state)
    assert states[0] == states[1] == states[2]
    assert known_children(states[0]) == known_children(states[1])


@given(fork_threads())
def test_every_child_is_there_once_and_those_with_results_have_them(made: list[Record]) -> None:
    state = folded(*made)
    found = known_children(state)
    assert len({one.thread for one in found}) == len(found)
    assert {one.thread for one in found} == state.forks.keys() | state.results.keys()
    assert {one.thread: one.result for one in found if one.result} == state.results


def child(thread: str, result: str = "", problem: str = "") -> ChildThread:
    state = folded(closed(1, result, thread)) if result else Forks(THREAD)
    return ChildThread(thread, f"goal of {thread}", "f" * 64, state.results.get(thread), problem)


def test_children_become_the_subtasks_that_a_join_is_over() -> None:
    children = [child("th_a", "accept"), child("th_b"), child("th_c", "cancelled")]
    fanout = as_fan_out(THREAD, "opening", "all", "docs", children)
    assert [(one.state, one.subtask.goal) for one in fan_out_children(fanout)] == [
        ("accept", "goal of th_a"),
        ("in_progress", "goal of th_b"),
        ("cancelled", "goal of th_c"),
    ]
    assert [one.spawn.child_thread for one in fan_out_children(fanout) if one.spawn] == [
        "th_a",
        "th_b",
        "th_c",
    ]
    assert not fanout.to_end()


def test_a_child_that_does_not_hold_counts_only_with_what_it_came_to_before() -> None:
    children = [
        child("th_a", problem="is a child of th_x"),
        child("th_b", "accept", problem="is a child of th_x"),
    ]
    fanout = as_fan_out(THREAD, "opening", "all", "docs", children)
    assert [one.child_thread for one in fanout.spawns.values()] == ["th_b"]


@pytest.mark.parametrize(
    ("join", "children", "decided", "words"),
    [
        ("all", [], False, "no child thread yet"),
        ("children.size() == 0", [], False, "no child thread yet"),
        ("all", [child("th_a")], True, ""),
        ("any", [child("th_a")], True, ""),
        ("k_of_n:1", [child("th_a")], True, ""),
        ("k_of_n:2", [child("th_a")], False, "waits for 1 more child thread"),
        ("k_of_n:3", [child("th_a", "accept")], False, "1/1 accepted of 3 needed, waits for 2 more"),
        ("k_of_n:2", [child("th_a"), child("th_b")], True, ""),
        ("k_of_n:none", [child("th_a")], False, "K must be a number"),
        ("k_of_n:0", [child("th_a")], False, "K must be a number"),
        ("children.size() > 1", [child("th_a")], True, ""),
    ],
)
def test_a_join_waits_for_as_many_children_as_it_needs(
    join: str, children: list[ChildThread], decided: bool, words: str
) -> None:
    decision = undecided(as_fan_out(THREAD, "opening", join, "docs", children))
    assert (decision is None) is decided
    if decision is not None:
        assert not decision.satisfied
        assert words in decision.explanation
