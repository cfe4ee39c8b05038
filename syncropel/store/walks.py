"""Walks: records looked at one by one, in stretches that end whenever somebody else needs the turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from syncropel.record.model import MAX_CLOCK, StoredRecord

COLUMNS: Final = ("id", "thread", "actor", "act", "topic", "data_type")
"""Columns of text that every record has."""

Visit = Callable[[StoredRecord], bool]
"""Is shown a record; returns whether to go on. It runs on a thread of the store's."""

Asked = Callable[[], bool]
"""A question that is asked often, from any thread."""


@dataclass(frozen=True, slots=True)
class Needed:
    """What every wanted record has. It spares a store from decoding the others; it may show them all the
    same, so whoever walks judges each record.

    `columns`: one of COLUMNS, and its text. `texts`: parts of the canonical JSON of the body. `without`: a
    thread whose records are not wanted.
    """

    columns: tuple[tuple[str, str], ...] = ()
    texts: tuple[str, ...] = ()
    without: str | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """Records that are still to be looked at, and in which order: those with a sequence above `after` up to
    `until`, of the whole log or of one thread.

    They come by sequence. With `by_clock`, for a thread only, they come by clock, and by sequence where
    clocks are equal; `past` is the (clock, sequence) after which it goes on. `descending` reverses sequences
    or clocks, but not the sequences of equal clocks.
    """

    after: int = 0
    until: int = MAX_CLOCK
    thread: str | None = None
    by_clock: bool = False
    descending: bool = False
    past: tuple[int, int] | None = None
    needed: Needed = field(default=Needed())

    def beyond(self, stored: StoredRecord) -> Walk:
        """What is left once this record has been looked at."""
        if self.by_clock:
            assert stored.record.clock is not None  # every record in the log has one
            return replace(self, past=(stored.record.clock, stored.sequence))
        if self.descending:
            return replace(self, until=stored.sequence - 1)
        return replace(self, after=stored.sequence)


def visit_all(walk: Walk, records: Iterable[StoredRecord], visit: Visit, over: Asked) -> tuple[Walk, bool]:
    """Show records until one of both says stop; return what is left of the walk, and whether all were
    shown.
    """
    for stored in records:
        walk = walk.beyond(stored)
        if not visit(stored) or over():
            return walk, False
    return walk, True
