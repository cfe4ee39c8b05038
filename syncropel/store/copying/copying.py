"""Copies a whole log, record by record, into an empty place: from a file into a database, or back.

A copy is the same log at another place, not a restore: sequences, times, judges, and terms stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from syncropel.errors import StoreError
from syncropel.record.threads import RULING
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.sqlite.integrity import altered_rows

CHUNK: Final = 1000
_ID: Final = 1
_THREAD: Final = 2
_TERM: Final = -2

Row = tuple[Any, ...]
"""A record with its sequence, as `sqlite.rows.from_row` reads it, then its term and its `ruled`."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied. `ruled`: the sequence of the newest ruling record; `digest`: over all ids."""

    records: int = 0
    ruled: int = 0
    term: int = 0
    digest: str = ""


class Place(Protocol):
    """A log that is copied from or to. `shown`: its place, for people."""

    @property
    def shown(self) -> str: ...

    def reading(self) -> AbstractContextManager[Reader]:
        """One view of the log, which does not change meanwhile. Raises SyncropelError."""
        ...

    def writing(self) -> AbstractContextManager[Writing]:
        """An empty log: what is written is there once the context ends well, and not before. Raises
        SyncropelError, also when it is not empty.
        """
        ...


class Reader(Protocol):
    """An open log."""

    def count(self) -> int:
        """How many records it has."""
        ...

    def rows(self) -> Iterator[list[Row]]:
        """All records, by sequence."""
        ...

    def acknowledged(self) -> Iterator[list[str]]:
        """The ids of all acknowledged results."""
        ...


class Writing(Reader, Protocol):
    """A log that is being written, which can be read back."""

    def write(self, rows: Sequence[Row]) -> None: ...
    def acknowledge(self, record_ids: Sequence[str]) -> None: ...
    def finish(self, copied: Copied) -> None:
        """All is written."""
        ...


Progress = Callable[[str, int, int], None]
"""Told how far a copy is: what it does (`writing` records, or `reading back`), how many are done, and of how
many.
"""


def copy(source: Place, target: Place, progress: Progress = lambda what, done, of: None) -> Copied:
    """Copy a log, and read the copy back before it counts. Raises StoreError when one of both is not sound,
    and whatever the places raise; then the target is as empty as before.
    """
    with source.reading() as log, target.writing() as empty:
        count = log.count()
        copied = _checked(_counted(_written(log.rows(), empty), progress, "writing", count), source)
        for ids in log.acknowledged():
            empty.acknowledge(ids)
        empty.finish(copied)
        if _checked(_counted(empty.rows(), progress, "reading back", count), target) != copied:
            raise StoreError(
                f"the copy at {target.shown} is not the same as {source.shown}: nothing was kept",
                "look into the log of the database or the disk, then try again",
            )
    return copied


def _written(rows: Iterable[list[Row]], empty: Writing) -> Iterator[list[Row]]:
    for some in rows:
        empty.write(some)
        yield some


def _counted(rows: Iterable[list[Row]], progress: Progress, what: str, count: int) -> Iterator[list[Row]]:
    done = 0
    for some in rows:
        yield some
        done += len(some)
        progress(what, done, count)


def _checked(rows: Iterable[list[Row]], place: Place) -> Copied:
    """Go through all records. Raises StoreError for a gap, and for a record that does not match its id."""
    at, ruled, term, digest = 0, 0, 0, RunningDigest()
    for some in rows:
        for row in some:
            at += 1
            if row[0] != at:
                raise StoreError(f"record {at} is missing in {place.shown}", "see: spl store verify")
            ruled = at if row[_THREAD] in RULING else ruled
            term = max(term, row[_TERM])
        if altered := altered_rows([row[:_TERM] for row in some]):
            raise StoreError(
                f"record {altered[0].sequence} in {place.shown} was altered: it does not hash to its id",
                "see: spl store verify",
            )
        digest.add([row[_ID] for row in some])
    return Copied(at, ruled, term, digest.value())
