"""Reading a whole log to see that every record is what its id says. It is what `spl store verify` does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from syncropel.errors import SyncropelError
from syncropel.record.model import record_id
from syncropel.store.base import Altered
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.lineage import Point
from syncropel.store.sqlite.connection import corrupt
from syncropel.store.sqlite.rows import COLUMNS, from_row
from syncropel.store.sqlite.schema import check

CHUNK: Final = 256
"""Records that are looked at between two turns of others."""


@dataclass
class Walked:
    """A log that was read from its first record to its last. `digests`: those after the sequences wanted."""

    end: Point = field(default_factory=Point)
    altered: list[Altered] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    """Sequences that should come next and do not."""
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """What is wrong with the log, in words; empty when nothing is."""
        if self.gaps:
            return f"record {self.gaps[0]} is missing"
        if self.altered:
            one = self.altered[0]
            return f"record {one.sequence} ({one.id[:12]}…) was altered: it does not hash to its id"
        return ""


Pause = Callable[[], None]
"""Lets others have their turn; may raise to end the walk."""


def walk(
    log: sqlite3.Connection,
    path: Path,
    *,
    wanted: Collection[int] = (),
    pause: Pause = lambda: None,
    accepted: Collection[str] = (),
) -> Walked:
    """Check the pages and every record of an open log. `wanted`: sequences whose digest is of interest;
    `accepted`: hashes of altered records that an operator took as they are.

    Raises StoreCorrupt for damaged pages, gaps, and altered records; sqlite3.Error.
    """
    check(log, path)
    found = log.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise corrupt(path, str(found))
    walked = walk_records(log, wanted=wanted, pause=pause, accepted=accepted)
    if walked.problem:
        raise corrupt(path, walked.problem)
    return walked


def walk_records(
    log: sqlite3.Connection,
    *,
    wanted: Collection[int] = (),
    pause: Pause = lambda: None,
    accepted: Collection[str] = (),
) -> Walked:
    """Read every record, and say what is wrong with which. Raises sqlite3.Error."""
    walked, digest, at = Walked(), RunningDigest(), 0
    stops = iter(sorted({one for one in wanted if one > 0}))
    stop = next(stops, None)
    while True:
        end = at + CHUNK if stop is None else min(at + CHUNK, stop)
        rows = log.execute(
            f"SELECT {COLUMNS} FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?", (at, end - at)
        ).fetchall()
        if not rows:
            return walked
        for row in rows:
            at += 1
            if row[0] != at:
                walked.gaps.append(at)
                at = int(row[0])
        walked.altered += altered_rows(rows, accepted)
        digest.add([str(row[1]) for row in rows])
        walked.end = Point(at, str(rows[-1][1]), digest.value(), float(rows[-1][-1]))
        if stop is not None and at >= stop:
            if at == stop:
                walked.digests[stop] = digest.value()
            stop = next(stops, None)
        pause()


def altered_rows(rows: Sequence[tuple[object, ...]], accepted: Collection[str] = ()) -> list[Altered]:
    """Those of these rows (COLUMNS) that are not what their ids say."""
    found = []
    for row in rows:
        now = hash_of(row)
        if now != row[1] and now not in accepted:
            found.append(Altered(int(str(row[0])), str(row[1]), str(row[2]), now))
    return found


def hash_of(row: tuple[object, ...]) -> str:
    """The id that a row (COLUMNS) has by its content; why it has none, for content that is no record."""
    try:
        stored = from_row(row)
        if row[6] != stored.record.topic:
            return f"its topic is {stored.record.topic!r}, not {row[6]!r}"
        return record_id(stored.record)
    except (SyncropelError, ValueError, TypeError, AssertionError, AttributeError) as error:
        return f"no record: {error}"
