"""Which thread is a child of which: one parent at most, no circles, in whatever order records come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.tasks.parents import MOST_ANCESTORS, Parents
from syncropel.folds.tasks.state import TaskState


def forked(*edges: tuple[str, str]) -> Parents:
    """Parents after these forks, parent first, each with a higher key than the one before."""
    parents = Parents()
    for clock, (parent, child) in enumerate(edges):
        parents.fork(child, parent, (clock, f"{clock:064x}"))
    return parents


def part(thread: str, parent: str) -> TaskState:
    return TaskState(thread, parent_thread=parent)


def test_a_fork_makes_a_child() -> None:
    parents = forked(("p", "c"), ("c", "d"))
    assert (parents.of("c", {}), parents.of("d", {}), parents.of("p", {})) == ("p", "c", "")
    assert parents.ancestors("d", {}) == ["c", "p"]
    assert parents.problem("c", "p", {}) == ""


def test_of_two_parents_the_first_in_fold_order_counts_whichever_came_first() -> None:
    for order in (1, -1):
        parents = Parents()
        for parent, key in [("p", (2, "a")), ("q", (1, "b"))][::order]:
            parents.fork("c", parent, key)
        assert parents.of("c", {}) == "q"
        assert parents.problem("c", "p", {}) == "is a child of q"
        assert parents.problem("c", "q", {}) == ""


def test_a_subtask_before_what_a_task_says_of_itself_before_a_fork() -> None:
    parents = forked(("p", "c"))
    tasks = {"c": part("c", "q")}
    assert (parents.of("c", {}), parents.of("c", tasks)) == ("p", "q")
    parents.fan_outs["c"] = "r"
    assert parents.of("c", tasks) == "r"


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_no_edge_of_a_circle_holds_and_those_that_hang_off_it_do(length: int) -> None:
    ring = [f"t{at}" for at in range(length)]
    edges = [(ring[at], ring[(at + 1) % length]) for at in range(length)]
    parents = forked(*edges, ("t0", "leaf"), ("leaf", "tip"))
    assert [parents.of(one, {}) for one in ring] == [""] * length
    assert all("ancestor" in parents.problem(child, parent, {}) for parent, child in edges)
    assert (parents.of("leaf", {}), parents.of("tip", {})) == ("t0", "leaf")
    assert set(parents.ancestors("tip", {})) == {"leaf", *ring}


def test_a_circle_through_a_subtask_and_a_part_does_not_hold_either() -> None:
    parents = forked(("part", "task"))
    parents.fan_outs["subtask"] = "task"
    tasks = {"part": part("part", "subtask")}
    assert [parents.of(one, tasks) for one in ("task", "subtask", "part")] == ["", "", ""]


def test_a_task_that_names_itself_has_no_parent() -> None:
    assert Parents().of("c", {"c": part("c", "c")}) == ""


def test_a_chain_may_be_long_but_not_without_end() -> None:
    deep = forked(*((f"t{at}", f"t{at + 1}") for at in range(MOST_ANCESTORS + 2)))
    assert deep.of(f"t{MOST_ANCESTORS}", {}) == f"t{MOST_ANCESTORS - 1}"
    assert deep.of(f"t{MOST_ANCESTORS + 2}", {}) == ""


EDGES = st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12)


@given(EDGES, st.integers(0, 100))
def test_parents_follow_from_the_forks_alone_and_make_a_forest(
    edges: list[tuple[str, str]], seed: int
) -> None:
    keyed = [(parent, child, (at % 4, f"{at:064x}")) for at, (parent, child) in enumerate(edges)]
    shuffled = list(keyed)
    random.Random(seed).shuffle(shuffled)
    one, other = Parents(), Parents()
    for parent, child, key in keyed:
        one.fork(child, parent, key)
    for parent, child, key in [*shuffled, *shuffled]:
        other.fork(child, parent, key)
    for thread in "abcdef":
        assert one.of(thread, {}) == other.of(thread, {})
        seen, above = set(), thread
        while above:
            assert above not in seen, "a circle"
            seen.add(above)
            above = one.of(above, {})
