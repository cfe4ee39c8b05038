"""The critical path, against every path."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.fanout.speedup import critical_path, measured, path_of, speedup
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.record.model import Record
from tests.folds.build import (
    COORDINATOR,
    WORKER_A,
    done,
    fold_fan_out,
    graphs,
    parent,
    record,
    spawned,
    subtask,
)


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
    report = speedup(fanout, fan_out_children(fanout))
    assert (report.walls, report.path.indexes, report.path.secs) == ((4.0, 6.0, 2.0), (1, 2), 8.0)
    assert (report.serial_estimate_secs, report.total_cost_usd) == (12.0, 0.75)
    assert report.estimated_speedup == pytest.approx(1.5)


def test_before_anything_ran_there_is_no_speedup() -> None:
    fanout = fold_fan_out(parent([subtask()]))
    assert speedup(fanout, fan_out_children(fanout)).estimated_speedup is None


def joined_fan_out(count: int, *facts: Record, at: float = 10.0) -> FanOut:
    """A fan-out of so many subtasks that joins after these facts, ten seconds after it began."""
    asked = parent([subtask()] * count, join="any", at=0.0)
    join = record("KNOW", 900, {"fulfills": asked.id, "verdict": "accept", "at": at}, actor=COORDINATOR)
    before = [one for one in facts if one.clock is not None and one.clock < 900]
    late = [one for one in facts if one not in before]
    return fold_fan_out(asked, *(spawned(index, index + 1) for index in range(count)), *before, join, *late)


def test_forty_goals_of_a_second_on_four_slots_are_measured_as_what_they_took() -> None:
    facts = [done(index, 100 + index, wall_time_secs=1.0) for index in range(40)]
    took = measured(joined_fan_out(40, *facts, at=10.5), {WORKER_A: 4})
    assert took is not None
    assert (took.elapsed_secs, took.work_secs, took.slots) == (10.5, 40.0, 4)
    assert took.speedup == pytest.approx(40 / 10.5)


def test_what_ended_after_the_join_neither_decides_the_path_nor_adds_to_the_work() -> None:
    facts = (done(0, 10, wall_time_secs=8.0), done(1, 950, wall_time_secs=30.0))
    fanout = joined_fan_out(2, *facts, at=10.0)
    report = speedup(fanout, fan_out_children(fanout))
    assert (report.walls, report.late) == ((8.0, 30.0), (1,))
    assert (report.path.indexes, report.path.secs, report.serial_estimate_secs) == ((0,), 8.0, 8.0)
    assert report.estimated_speedup == 1.0
    assert path_of(fanout, fan_out_children(fanout)) == report.path
    took = measured(fanout, {})
    assert took is not None
    assert took.work_secs == 8.0


def test_it_is_never_above_the_slots_that_there_were() -> None:
    took = measured(
        joined_fan_out(4, *(done(index, 10, wall_time_secs=9.0) for index in range(1))), {WORKER_A: 1}
    )
    assert took is not None
    assert took.speedup == pytest.approx(0.9)
    crowded = measured(joined_fan_out(2, done(0, 10, wall_time_secs=30.0)), {WORKER_A: 2})
    assert crowded is not None
    assert crowded.speedup == 2.0


def test_time_in_the_queue_is_told() -> None:
    """Given away at 1 and 2; each ran two seconds, until 5 and 12."""
    took = measured(joined_fan_out(2, done(0, 5), done(1, 12), at=13.0), {})
    assert took is not None
    assert (took.queued_secs, took.longest_queue_secs) == (2.0 + 8.0, 8.0)
    assert took.slots is None


def test_a_result_after_the_join_was_no_part_of_it() -> None:
    took = measured(joined_fan_out(2, done(0, 5), done(1, 901, wall_time_secs=500.0)), {WORKER_A: 4})
    assert took is not None
    assert took.work_secs == 2.0


def test_what_has_not_joined_is_not_measured() -> None:
    assert measured(fold_fan_out(parent([subtask()]), spawned(0, 1), done(0, 2)), {}) is None
