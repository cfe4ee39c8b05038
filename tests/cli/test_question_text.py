"""A question as the operator reads it: nothing of what would be done may be hidden."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.cli.text.questions import question_lines
from syncropel.wire import QuestionDetail


def shown(**what: Any) -> list[str]:
    """The lines of a question that shows this."""
    question = QuestionDetail(
        id="q_1",
        thread="th_1",
        alias="T-1",
        index=0,
        attempt=1,
        instance="did:sync:instance:a",
        instance_alias="worker-a",
        kind="permission",
        text="Edit a.py",
        tool="edit",
        digest="0",
        size=1,
        options=[],
        asked_at=0.0,
        until=90.0,
        state="open",
        record="r",
        shown=what,
        command=None,
        paths=[],
        root="/w",
    )
    return question_lines(question, 0.0)


def diff_of(old: str | None, new: str) -> list[str]:
    lines = shown(diffs=[{"path": "a.py", "old": old, "new": new}])
    return [line.removeprefix("  │ ") for line in lines if line.startswith("  │ ")]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (None, "one\n", ["@@ -0,0 +1 @@", "+one"]),
        ("", "one\ntwo\n", ["@@ -0,0 +1,2 @@", "+one", "+two"]),
        ("one\n", "", ["@@ -1 +0,0 @@", "-one"]),
        ("one\n", "two\n", ["@@ -1 +1 @@", "-one", "+two"]),
        (
            "a\n",
            "++ b\n-- c\n",
            ["@@ -1 +1,2 @@", "-a", "+++ b", "+-- c"],
        ),
        ("-- a\n", "b\n", ["@@ -1 +1 @@", "--- a", "+b"]),
        ("one\n", "one", ["\\ the new text has no newline at its end"]),
        ("one", "one\n", ["\\ the old text has no newline at its end"]),
    ],
)
def test_a_diff_shows_every_line(old: str | None, new: str, lines: list[str]) -> None:
    assert diff_of(old, new) == lines


_TEXT = st.lists(st.text("+-@ ab\\", max_size=6), max_size=6).map("\n".join)


@given(_TEXT, _TEXT)
def test_a_new_text_can_be_read_from_its_diff(old: str, new: str) -> None:
    """Every line that is added or taken away is there, whatever it looks like."""
    changed = [line for line in diff_of(old, new) if not line.startswith(("@@ ", "\\ the"))]
    before, after = old.removesuffix("\n").split("\n"), new.removesuffix("\n").split("\n")
    added = [line[1:] for line in changed if line.startswith("+")]
    removed = [line[1:] for line in changed if line.startswith("-")]

    assert {line for line in after if line not in before and line} <= set(added)
    assert {line for line in before if line not in after and line} <= set(removed)


def test_a_command_is_shown_line_by_line_behind_a_bar() -> None:
    lines = shown(command="make test\nrm -rf /", title="make test")

    assert lines[lines.index("  command:") + 1 :][:2] == ["  │ make test", "  │ rm -rf /"]


def test_nothing_that_is_shown_is_left_out_because_of_its_shape() -> None:
    """What has not the usual shape is shown as it came: an agent must not hide a command in a list."""
    told = "\n".join(shown(command=["rm", "-rf"], diffs=[{"path": "a", "new": "x", "mode": "0777"}, 3]))
    assert '"rm"' in told
    assert '"mode": "0777"' in told
    told = "\n".join(shown(diffs=[{"path": "a", "old": 5, "new": "x"}]))
    assert '"old": 5' in told
