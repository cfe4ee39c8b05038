"""The logs of several instances as rows, merged by time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui.model.feed import FeedLine, feed_row, of_log
from tui.model.rows import Cell, Column, Row
from tui.model.text import first_line, tail

if TYPE_CHECKING:
    from syncropel.wire import LogLine

KEPT: Final = 5_000
"""Lines kept of all instances together; older ones are dropped, and counted."""
LOGS: Final = (
    Column("at", "TIME", 8),
    Column("instance", "INSTANCE", 11, grow=1, most=20),
    Column("kind", "LEVEL", 6),
    Column("what", "WHAT", 30, grow=6),
    Column("thread", "TASK", 10, grow=2, most=20, drop=1),
    Column("who", "FROM", 12, grow=1, most=20, drop=2),
)


class Merged:
    """Lines of all instances in the order of their times; of one instance in the order of its log."""

    def __init__(self) -> None:
        self.lines: tuple[tuple[str, FeedLine], ...] = ()
        self.dropped = 0

    def take(self, did: str, fresh: list[LogLine]) -> None:
        """Add lines of an instance."""
        made = [(did, replace(of_log(one), key=f"{did}:{one.sequence}")) for one in fresh]
        known = {line.key for _, line in self.lines}
        every = sorted(
            [*self.lines, *(one for one in made if one[1].key not in known)], key=lambda one: one[1].at
        )
        self.dropped += max(0, len(every) - KEPT)
        self.lines = tuple(every[-KEPT:])


def log_row(did: str, line: FeedLine, names: Mapping[str, str]) -> Row:
    """A line; `names` are the aliases of threads and instances."""
    row, name = feed_row(line, names), first_line(names.get(did, "")) or tail(did)
    return Row(
        row.key,
        {**row.cells, "instance": Cell(name, "strong")},
        {**row.fields, "instance": f"{name} {did}", "task": row.fields.get("thread", "")},
    )
