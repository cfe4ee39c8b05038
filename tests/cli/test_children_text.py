"""Child threads as the command line and the console tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.cli.text.children import child_line, children_lines
from syncropel.wire import ChildrenJoin, ChildThreadOut


def child(thread: str = "th_run_tests", **fields: Any) -> ChildThreadOut:
    return ChildThreadOut(thread=thread, **fields)


DONE = child(
    status="closed",
    result="accept",
    summary="child th_run_tests completed with result accept: 458/458 pass: green",
)


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (child(), "· th_run_tests  no record yet"),
        (child(status="in_progress", goal="make test"), "· th_run_tests  in progress  make test"),
        (DONE, "✓ th_run_tests  closed, accept  458/458 pass: green"),
        (
            child(
                status="failed", result="failed", summary="child th_run_tests completed with result failed"
            ),
            "✗ th_run_tests  failed",
        ),
        (child(status="open", held="soft freeze"), "· th_run_tests  open  waits: soft freeze"),
        (
            child("TASK-1", problem="is not a thread id"),
            "✗ TASK-1  does not count: it is not a thread id",
        ),
        (child("th_\x1b[2J", status="open"), "· th_\N{REPLACEMENT CHARACTER}[2J  open"),
    ],
)
def test_a_child_in_a_line(one: ChildThreadOut, line: str) -> None:
    if "\x1b" in one.thread:
        assert "\x1b" not in child_line(one)
    else:
        assert child_line(one) == line


def test_long_words_are_cut_and_numbers_follow_the_join() -> None:
    children = [child("th_a", problem="is a child of th_x"), child("th_b", goal="word " * 100), DONE]
    join = ChildrenJoin(
        join="all", complete=False, satisfiable=True, explanation="1/2 accepted, waits for [0] th_b"
    )
    lines = list(children_lines(children, join))
    assert lines[0] == "Children: 3 (1 closed)"
    assert lines[1].startswith("  ✗ th_a")
    assert lines[2].startswith("  [0] · th_b")
    assert lines[2].endswith("…")
    assert lines[3].startswith("  [1] ✓ th_run_tests")
    assert lines[4:] == ["Join: all", "  1/2 accepted, waits for [0] th_b"]
    assert max(map(len, lines)) < 120


def test_of_many_children_the_first_are_listed() -> None:
    lines = list(children_lines([child(f"th_{at}") for at in range(1000)]))
    assert len(lines) == 22
    assert lines[-1] == "  … and 980 more"


def test_a_join_that_is_over_or_has_a_problem_says_so() -> None:
    done = ChildrenJoin(join="any", complete=True, satisfiable=True, explanation="1/1 accepted")
    broken = done.model_copy(update={"complete": False, "problem": "no such field"})
    assert list(children_lines([], done)) == ["Join: any", "  joined"]
    assert list(children_lines([], broken)) == ["Join: any", "  no such field"]
    assert list(children_lines([])) == []
