"""Subtasks that a file declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncropel.cli.task_verbs.task_body import Declared, declared, read_declared
from syncropel.errors import BadRequest, InvalidFanOut

BODY = """# Parallel docs

Some words, and a list that is none of ours:
- buy milk

## Subtasks

join: k_of_n:2
- goal=Write section A,target=worker-a,budget=0.50
* goal="Write B, then C",target=worker-b
```
- goal=only shown,target=worker-a
```

## Notes

- goal=not this,target=worker-a
"""


def test_the_items_of_the_section_are_what_the_flag_takes() -> None:
    found = declared(BODY, "body.md")
    assert found.join == "k_of_n:2"
    assert found.subtasks == [
        {"goal": "Write section A", "target": "worker-a", "budget_usd": 0.5},
        {"goal": "Write B, then C", "target": "worker-b"},
    ]


def test_a_file_without_the_section_declares_nothing() -> None:
    assert declared("# A task\n\n- goal=x,target=y\n", "body.md") == Declared([])


@pytest.mark.parametrize("heading", ["# subtasks", "### SUBTASKS ##", "## Subtasks"])
def test_the_heading_may_have_any_level(heading: str) -> None:
    assert len(declared(f"{heading}\n- goal=x,target=worker-a\n", "f").subtasks) == 1


def test_a_mistake_is_said_with_file_and_line() -> None:
    with pytest.raises(InvalidFanOut) as caught:
        declared("## Subtasks\n\n- goal=x,target=worker-a\n- goal=x\n", "body.md")
    assert caught.value.message == "body.md, line 4: subtask 1: target is missing"


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="No such file"):
        read_declared(tmp_path / "nowhere.md")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(BadRequest, match="not UTF-8"):
        read_declared(binary)
