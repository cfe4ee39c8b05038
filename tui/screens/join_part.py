"""A task's join as two widgets: the text about it, and its subtasks. Used by three screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING

from syncropel.client.attention import altered
from tui.model import branches, collisions, join_words, log_state, tree
from tui.model.moment import Moment
from tui.model.rows import Row
from tui.model.world import JOIN
from tui.screens.base import ConsoleScreen
from tui.widgets.lines import Lines, Span
from tui.widgets.subtasks import SubtaskTable
from tui.widgets.table import Table
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.wire import JoinStatus
    from syncropel.wire.explain import TaskWhy

SUMMARY = "summary"
SUBTASKS = "subtasks"
ROOMY = 30
"""From this height on there is room for the records that prove the verdict."""


def widgets(screen: ConsoleScreen) -> tuple[Lines, Table]:
    return Lines(id=SUMMARY), SubtaskTable(screen.console.glyphs, id=SUBTASKS)


def fill(screen: ConsoleScreen, now: float, thread: str | None) -> None:
    """Show the join of `thread` and why it has its state, or say why there is none to show."""
    world = screen.world
    join = world.join if world.join is not None and world.join.thread == thread else None
    why = world.why if world.why is not None and world.why.thread == thread else None
    empty: Sequence[str] = _nothing(screen, thread)
    unfolded = screen.query_one(f"#{SUBTASKS}", SubtaskTable).unfolded_of(thread or "")
    screen.session.unfold(branches.wanted(unfolded))
    if join is None and why is not None and (task := world.task(thread)) is not None:
        _tell(screen, join_words.task_lines(task, why, screen.console.glyphs))
        screen.select(screen.query_one(f"#{SUBTASKS}", Table), (), "SUBTASKS", empty)
        return
    read = join is not None or not world.has_fan_out(thread)
    show(screen, join, world.moment(now), empty, why, world.nested, read=read)


def show(
    screen: ConsoleScreen,
    join: JoinStatus | None,
    at: Moment,
    empty: Sequence[str],
    why: TaskWhy | None = None,
    nested: Mapping[str, JoinStatus] = MappingProxyType({}),
    *,
    read: bool = True,
) -> None:
    """Show a join as of a moment, and those `nested` in it; `empty` is the text when there is none, or when
    it was not `read` yet.
    """
    glyphs, table = screen.console.glyphs, screen.query_one(f"#{SUBTASKS}", SubtaskTable)
    rows: Sequence[Row] | None = () if read else None
    lines: list[tree.Line] = []
    if join is not None:
        found = altered(screen.world.status)
        table.belong(join, nested, found)
        lines = log_state.join_lines(join, found, glyphs)
        lines += collisions.collision_lines(screen.world.status, join.thread)
        lines += join_words.summary_lines(join, at, glyphs, why, proofs=screen.size.height >= ROOMY)
        unfolded = None if screen.arranges(SUBTASKS) else table.unfolded
        width = table.column_width(tree.TIMELINE)
        table.head(tree.TIMELINE, tree.scale(join, at, glyphs, width))
        rows = tree.subtask_rows(join, at, glyphs, width, unfolded, nested, found)
    _tell(screen, lines)
    screen.select(table, rows, "SUBTASKS", empty, of=len(join.subtasks) if join else 0)


def _tell(screen: ConsoleScreen, lines: Sequence[tree.Line]) -> None:
    width = screen.query_one(f"#{SUBTASKS}", Table).size.width or screen.size.width
    ellipsis = screen.console.glyphs.ellipsis
    screen.query_one(f"#{SUMMARY}", Lines).show(
        [
            (Span(" " + clip(part, width - 2, ellipsis), one.tone),)
            for one in lines
            for part in wrap(
                one.text, width - 2, subsequent_indent="  ", max_lines=one.most, placeholder=" " + ellipsis
            )
        ]
    )


def _nothing(screen: ConsoleScreen, thread: str | None) -> tuple[str, ...]:
    world = screen.world
    if thread is None:
        return ()
    if world.has_fan_out(thread):
        return screen.unread(JOIN, world.trouble)
    name = next((one.alias for one in world.tasks or () if one.thread == thread), "") or thread
    return (f"{name} is not fanned out", f"fan it out: spl task fan-out {name} --subtask … --join all")
