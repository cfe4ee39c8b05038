"""A task's join as two widgets: what is to be said of it, and its subtasks. Used by two screens."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from syncropel.api.schema import JoinStatus
from tui.model import tree
from tui.model.moment import Moment
from tui.model.rows import Row
from tui.screens.base import ConsoleScreen
from tui.widgets.lines import Lines, Span
from tui.widgets.table import Table
from tui.widgets.toned import clip

SUMMARY = "summary"
SUBTASKS = "subtasks"


def widgets(screen: ConsoleScreen) -> tuple[Lines, Table]:
    return Lines(id=SUMMARY), Table(tree.SUBTASKS, screen.console.glyphs, id=SUBTASKS)


def fill(screen: ConsoleScreen, now: float, thread: str | None) -> None:
    """Show the join of `thread`, or say why there is none to show."""
    world = screen.world
    join = world.join if world.join is not None and world.join.thread == thread else None
    show(screen, join, world.moment(now), _nothing(screen, thread))


def show(screen: ConsoleScreen, join: JoinStatus | None, at: Moment, empty: Sequence[str]) -> None:
    """Show a join as it stood at a moment; `empty` is said when there is none."""
    glyphs, table = screen.console.glyphs, screen.query_one(f"#{SUBTASKS}", Table)
    width = table.size.width or screen.size.width
    rows: Sequence[Row] = ()
    lines: list[tree.Line] = []
    if join is not None:
        lines = tree.summary_lines(join, at, glyphs)
        rows = tree.subtask_rows(join, at, glyphs, table.column_width(tree.TIMELINE))
    screen.query_one(f"#{SUMMARY}", Lines).show(
        [
            (Span(" " + clip(part, width - 2, glyphs.ellipsis), one.tone),)
            for one in lines
            for part in wrap(one.text, width - 2, subsequent_indent="  ", max_lines=2)
        ]
    )
    screen.select(table, rows, "SUBTASKS", empty)


def _nothing(screen: ConsoleScreen, thread: str | None) -> tuple[str, ...]:
    world = screen.world
    if thread is None:
        return ()
    if world.has_fan_out(thread):
        return ("reading the join",)
    name = next((one.alias for one in world.tasks or () if one.thread == thread), "") or thread
    return (f"{name} is not fanned out", f"fan it out: spl task fan-out {name} --subtask … --join all")
