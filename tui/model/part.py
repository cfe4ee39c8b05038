"""The identity of a nested task among the rows of a tree, where subtasks have their index."""

from __future__ import annotations

from typing import Final

_PREFIX: Final = "task "


def part_key(thread: str) -> str:
    return f"{_PREFIX}{thread}"


def part_of(key: str) -> str | None:
    """The thread of the nested task that this row is; None when it is another row."""
    return key.removeprefix(_PREFIX) if key.startswith(_PREFIX) else None
