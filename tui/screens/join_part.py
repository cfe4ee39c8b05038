"""A task's join as two widgets: what is to be said of it, and its subtasks. Used by two screens."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from tui.model import tree
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
    world, glyphs = screen.world, screen.console.glyphs
    table, at, width = screen.query_one(f"#{SUBTASKS}", Table), world.moment(now), screen.size.width
    rows: Sequence[Row] = ()
    lines: list[tree.Line] = []
    empty = _nothing(screen, thread)
    if world.join is not None and world.join.thread == thread:
        lines = tree.summary_lines(world.join, at, glyphs)
        rows = tree.subtask_rows(world.join, at, glyphs, table.column_width(tree.TIMELINE))
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
