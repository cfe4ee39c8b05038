"""Files that running subtasks have touched together, as a task and a subtask say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.wire.work_words import of_collision
from tui.model.text import plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import CollisionOut, FleetStatus

_MOST: Final = 2


def collision_lines(status: FleetStatus | None, thread: str) -> list[Line]:
    """The warnings above a task's tree."""
    found = _met(status, thread)
    more = [Line(f"! {len(found) - _MOST} more collisions of files", "warn")] if len(found) > _MOST else []
    return [*(Line(f"! {_words(one)}", "warn", most=1) for one in found[:_MOST]), *more]


def collision_facts(status: FleetStatus | None, thread: str, index: int) -> list[tuple[str, Line]]:
    """The same of one subtask."""
    return [("collides", Line(_words(one), "warn")) for one in _met(status, thread, index)]


def _met(status: FleetStatus | None, thread: str, index: int | None = None) -> list[CollisionOut]:
    """The collisions of a task, or of one of its subtasks."""
    found = status.collisions if status is not None else []
    return [one for one in found if any(by.thread == thread and index in (None, by.index) for by in one.by)]


def _words(one: CollisionOut) -> str:
    return plain(f"{one.repo} {of_collision(one)}")
