"""Two threads compared: matched by what their records are about."""

from __future__ import annotations

from hypothesis import given

from syncropel.folds.base.order import fold_order
from syncropel.folds.replay.compare import Row, compare
from syncropel.record.model import Record
from tests.folds.build import WORKER_B, done, parent, record, spawned, store, subtask, threads


def rows(left: list[Record], right: list[Record]) -> list[Row]:
    return compare(store(left), store(right))


def run(*, offset: int = 0, verdict: str = "accept", cost: float = 0.25) -> list[Record]:
    return [
        parent([subtask(), subtask()], clock=offset, at=float(offset)),
        spawned(0, offset + 1),
        spawned(1, offset + 2),
        done(0, offset + 3, verdict, cost_usd=cost),
        done(1, offset + 4),
    ]


def test_two_runs_of_the_same_work_are_the_same() -> None:
    found = rows(run(), run(offset=50))
    assert [row.kind for row in found] == ["same"] * 5
    assert [row.step for row in found] == [
        "subtasks",
        "fanout_spawned [0]",
        "fanout_spawned [1]",
        "fanout_child_done [0]",
        "fanout_child_done [1]",
    ]


def test_what_differs_is_named() -> None:
    found = rows(run(), run(verdict="failed", cost=0.5))
    assert [row.kind for row in found] == ["same", "same", "same", "differs", "same"]
    assert found[3].differences == ("cost_usd", "summary", "verdict")


def test_another_order_of_arrival_is_no_difference() -> None:
    swapped = [*run()[:3], done(1, 3), done(0, 4)]
    found = rows(run(), swapped)
    assert {row.kind for row in found} == {"same"}
    assert [(row.left, row.right) for row in found] == [(1, 1), (2, 2), (3, 3), (4, 5), (5, 4)]


def test_what_one_side_lacks_stands_where_it_stood() -> None:
    comment = record("KNOW", 2, {"topic": "task_comment"}, actor=WORKER_B)
    first = record("DO", 0, {"topic": "task_started"})
    longer = fold_order(store([*run(offset=1), comment, first]))
    found = compare(store(run()), longer)
    steps = [row.step for row in found]
    assert [row.step for row in found if row.kind == "right"] == ["task_started", "task_comment"]
    assert steps[0] == "task_started"
    assert abs(steps.index("task_comment") - steps.index("fanout_spawned [0]")) == 1
    assert [row.kind for row in compare(longer, store(run()))].count("left") == 2


def test_a_repeated_step_is_matched_with_its_like() -> None:
    notes = [record("KNOW", at, {"topic": "note", "n": at}) for at in range(3)]
    found = rows(notes, notes[:2])
    assert [(row.kind, row.step) for row in found] == [
        ("same", "note"),
        ("same", "note #2"),
        ("left", "note #3"),
    ]


@given(threads(), threads())
def test_every_record_is_in_one_row(left: list[Record], right: list[Record]) -> None:
    lefts, rights = fold_order(store(left)), fold_order(store(right))
    found = compare(lefts, rights)
    assert sorted(row.left for row in found if row.left) == list(range(1, len(lefts) + 1))
    assert sorted(row.right for row in found if row.right) == list(range(1, len(rights) + 1))
    assert [row.left for row in found if row.left] == list(range(1, len(lefts) + 1))
    for row in found:
        assert (row.kind == "left") == (row.right is None)
        assert (row.kind == "right") == (row.left is None)
        assert (row.kind == "differs") == bool(row.differences)


@given(threads())
def test_a_thread_is_the_same_as_itself(made: list[Record]) -> None:
    ordered = fold_order(store(made))
    assert {row.kind for row in compare(ordered, ordered)} == {"same"}
