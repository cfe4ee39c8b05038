"""The critical path, against every path."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.speedup import critical_path, speedup
from syncropel.folds.subtasks import children
from tests.folds.build import done, fold_fan_out, graphs, parent, subtask


def paths(graph: list[list[int]]) -> list[list[int]]:
    """Every chain that follows the dependencies, from a subtask that waits for none."""

    def ending_in(node: int) -> list[list[int]]:
        if not graph[node]:
            return [[node]]
        return [[*before, node] for other in graph[node] for before in ending_in(other)]

    return [path for node in range(len(graph)) for path in ending_in(node)]


@given(graphs(), st.data())
def test_no_path_is_longer(graph: list[list[int]], data: st.DataObject) -> None:
    count = len(graph)
    walls = data.draw(
        st.lists(st.one_of(st.none(), st.integers(0, 9).map(float)), min_size=count, max_size=count)
    )
    found = critical_path(walls, graph)
    assert found.secs == max(sum(walls[node] or 0.0 for node in path) for path in paths(graph))
    assert found.secs == sum(walls[node] or 0.0 for node in found.indexes)
    for before, after in pairwise(found.indexes):
        assert before in graph[after], "a path follows the dependencies"
    assert found == critical_path(walls, [list(reversed(depends)) for depends in graph])


def test_it_is_more_than_the_longest_subtask() -> None:
    found = critical_path([2.0, 5.0, 4.0], [[], [], [0]])
    assert (found.indexes, found.secs) == ((0, 2), 6.0)


def test_of_equal_paths_the_lowest_indexes_win() -> None:
    assert critical_path([3.0, 3.0, 3.0], [[], [], []]).indexes == (0,)
    assert critical_path([3.0, 3.0, 1.0], [[], [], [1, 0]]).indexes == (0, 2)


def test_nothing_has_no_path() -> None:
    assert critical_path([], []).indexes == ()


def test_a_long_chain_is_walked_without_recursion() -> None:
    found = critical_path([1.0] * 5000, [[], *([index] for index in range(4999))])
    assert (len(found.indexes), found.secs) == (5000, 5000.0)


def test_the_report() -> None:
    fan_out = parent([subtask(), subtask(), subtask(0, 1)])
    facts = [done(index, 5 + index, wall_time_secs=float(wall)) for index, wall in enumerate([4, 6, 2])]
    fanout = fold_fan_out(fan_out, *facts)
    report = speedup(children(fanout), fanout.cost_usd)
    assert (report.walls, report.path.indexes, report.path.secs) == ((4.0, 6.0, 2.0), (1, 2), 8.0)
    assert (report.serial_estimate_secs, report.total_cost_usd) == (12.0, 0.75)
    assert report.estimated_speedup == pytest.approx(1.5)


def test_before_anything_ran_there_is_no_speedup() -> None:
    assert speedup(children(fold_fan_out(parent([subtask()]))), 0.0).estimated_speedup is None
