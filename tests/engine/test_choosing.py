"""Which branches a merge is about: accepted ones, each after those that it depends on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.merging.choosing import _order, choose
from syncropel.errors import Conflict, NotFound
from syncropel.folds.fanout.spec import Subtask
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import Record
from tests.folds.build import WORKER_A, fold, parent, record, spawned, subtask


def done(index: int, clock: int, verdict: str = "accept", **left: Any) -> list[Record]:
    worktree = {"branch": f"task/T-1+{index}", "commit": f"{index:x}" * 40, **left}
    body = {"topic": CHILD_DONE, "index": index, "attempt": 1, "worker": WORKER_A, "verdict": verdict}
    body |= {"child_thread": f"th_child_{index}", "worktree": worktree}
    return [spawned(index, clock), record("DO", clock + 1, body, actor=WORKER_A)]


def task(*subtasks: dict[str, Any], ended: dict[int, dict[str, Any]]) -> TaskState:
    records = [one for index, more in ended.items() for one in done(index, 10 + 2 * index, **more)]
    return fold(parent(subtasks), *records)


def test_all_that_are_accepted_and_have_a_branch_are_chosen_in_order() -> None:
    state = task(
        subtask(3, repo="app"),
        subtask(repo="app"),
        subtask(repo="app"),
        subtask(repo="app"),
        subtask(),
        subtask(repo="app"),
        ended={0: {}, 1: {}, 2: {"verdict": "failed"}, 3: {}, 4: {}, 5: {"branch": None}},
    )
    chosen = choose(state, [])
    assert [one.index for one in chosen.branches] == [1, 3, 0]
    assert (chosen.repo, chosen.instance) == ("app", WORKER_A)
    first = chosen.branches[0]
    assert (first.branch, first.commit, first.attempt, first.work) == ("task/T-1+1", "1" * 40, 1, "T-1+1")
    assert [one.index for one in choose(state, [0, 1, 1]).branches] == [1, 0]


@pytest.mark.parametrize(
    ("indexes", "error", "told"),
    [
        ([9], NotFound, "has no subtask 9: it has 4, from 0 on"),
        ([0], Conflict, r"\[0\] cannot be merged: it is not accepted \(it is failed\)"),
        ([1], Conflict, "it did not work on a repository"),
        ([3], Conflict, r"it is not accepted \(it is pending\)"),
        ([], Conflict, "has no accepted subtask with a branch"),
    ],
)
def test_what_cannot_be_merged_says_why(indexes: list[int], error: type[Exception], told: str) -> None:
    subtasks = [subtask(repo="app"), subtask(), subtask(repo="app"), subtask(repo="app")]
    state = task(*subtasks, ended={0: {"verdict": "failed"}, 1: {}, 2: {"commit": None}})
    with pytest.raises(error, match=told):
        choose(state, indexes)


def test_branches_of_two_repositories_are_merged_one_repository_at_a_time() -> None:
    state = task(subtask(repo="app"), subtask(repo="site"), ended={0: {}, 1: {}})
    with pytest.raises(Conflict, match="in several repositories: app, site"):
        choose(state, [])
    assert choose(state, [1]).repo == "site"


def test_a_task_without_subtasks_has_nothing_to_merge() -> None:
    with pytest.raises(Conflict, match="has no subtasks to merge"):
        choose(fold(record("INTEND", 0, {"task": True, "goal": "g", "alias": "T-1"})), [])


@given(st.lists(st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_each_comes_after_those_that_it_depends_on_and_the_lowest_first(waits: list[set[int]]) -> None:
    edges = [tuple(sorted(one for one in after if one < index)) for index, after in enumerate(waits)]
    count = len(edges)
    # Named backwards, so that dependencies run against the order of indexes.
    subtasks = [
        Subtask(index, "g", "worker-a", depends_on=tuple(count - 1 - one for one in edges[count - 1 - index]))
        for index in range(count)
    ]
    order = _order(subtasks)
    assert sorted(order) == list(range(count))
    for place, index in enumerate(order):
        free = [one for one in order[place:] if set(subtasks[one].depends_on) <= set(order[:place])]
        assert index == min(free)
