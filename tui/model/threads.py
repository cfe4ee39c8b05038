"""The list of threads, latest activity first: read page by page, and only as far as it has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tui.model.altered import ALTERED
from tui.model.feed import thread_name
from tui.model.glyphs import Glyphs, marked, word
from tui.model.moment import Moment
from tui.model.rows import Cell, Column, Row, Rows, state_cell
from tui.model.text import NOTHING, count, first_line, long_duration, plain, tail

if TYPE_CHECKING:
    from syncropel.wire import ThreadSummary

THREADS: Final = (
    Column("name", "THREAD", 16, grow=1, most=34, wish=22, over=4),
    Column("status", "STATUS", 13),
    Column("title", "TITLE", 16, grow=4, most=90),
    Column("kind", "KIND", 8, drop=2),
    Column("records", "RECORDS", 7, drop=1, right=True),
    Column("participants", "ACTORS", 6, drop=4, right=True),
    Column("age", "LAST", 8, right=True),
    Column("id", "ID", 9, drop=3),
)


@dataclass(frozen=True)
class ThreadList:
    """Threads, latest activity first. `complete` says that the oldest is among them."""

    threads: tuple[ThreadSummary, ...] = ()
    complete: bool = False
    altered: frozenset[str] = frozenset()
    """Those with an altered record."""
    _by_id: Mapping[str, ThreadSummary] = field(default_factory=dict, compare=False)

    def knows(self, one: ThreadSummary) -> bool:
        """Whether nothing has happened on this thread since it was read."""
        return self._by_id.get(one.id) == one

    def with_page(self, page: Sequence[ThreadSummary], last: bool) -> ThreadList:
        """Add these; `last` says that there are no older ones."""
        threads = {**self._by_id, **{one.id: one for one in page}}
        ordered = sorted(threads.values(), key=lambda one: -one.last_sequence)
        return ThreadList(tuple(ordered), self.complete or last, self.altered, threads)

    def with_altered(self, altered: frozenset[str]) -> ThreadList:
        """The same object while these are the same."""
        return self if altered == self.altered else replace(self, altered=altered)

    def find(self, thread: str | None) -> ThreadSummary | None:
        return self._by_id.get(thread or "")


def thread_rows(known: ThreadList, names: Mapping[str, str], at: Moment, glyphs: Glyphs) -> Rows:
    """A row per thread, made on demand."""
    threads = known.threads

    def make(place: int) -> Row:
        one = threads[place]
        return _row(one, names, at, glyphs, altered=one.id in known.altered)

    return Rows(known, [one.id for one in threads], make)


def _status(one: ThreadSummary, glyphs: Glyphs) -> Cell:
    if not one.status:
        return Cell(NOTHING, "muted")
    cell = state_cell(one.status, glyphs)
    if one.starts_with_intend:
        return cell
    # Runs of older versions all lack it, without anything being wrong.
    return replace(cell, text=f"! {word(one.status)}", tone="plain" if one.kind == "dispatch" else "warn")


def _row(one: ThreadSummary, names: Mapping[str, str], at: Moment, glyphs: Glyphs, *, altered: bool) -> Row:
    name, old = thread_name(one.id, names), max(0.0, at.now - one.last_activity)
    cells = {
        "name": Cell(name, "strong"),
        "status": state_cell(ALTERED, glyphs) if altered else _status(one, glyphs),
        "title": Cell(first_line(one.title)),
        "kind": Cell(marked(one.kind), "muted"),
        "records": Cell(count(one.records), "plain", float(one.records)),
        "participants": Cell(count(one.participants), "muted", float(one.participants)),
        "age": Cell(long_duration(old), "muted", -float(one.last_sequence)),
        "id": Cell(tail(one.id), "muted"),
    }
    fields = {
        "thread": f"{one.id} {name}",
        "status": f"{one.status} {one.status.replace('_', ' ')} {cells['status'].text}",
        "title": plain(one.title),
        "kind": one.kind,
    }
    return Row(one.id, cells, fields)
