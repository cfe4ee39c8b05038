"""Reads a whole log to verify every record against its id, for `spl store verify`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from syncropel.errors import SyncropelError
from syncropel.record.model import StoredRecord, record_id
from syncropel.store.base import Altered, Entry
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.lineage import Point
from syncropel.store.sqlite.connection import corrupt
from syncropel.store.sqlite.rows import COLUMNS, NOTED, from_row
from syncropel.store.sqlite.schema import check

CHUNK: Final = 256
"""Records examined between two pauses."""
_WIDTH: Final = len(COLUMNS.split(","))
_NO_NUMBER: Final = -1
"""What is taken for a term or a `ruled` that somebody replaced by something else: no record has it."""


@dataclass
class Walked:
    """A log that was read from its first record to its last. `digests`: those at the requested sequences."""

    end: Point = field(default_factory=Point)
    altered: list[Altered] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    """Missing sequences."""
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


Pause = Callable[[int], None]
"""Called now and then with the sequence that the walk has come to; gives others a turn, and may raise to end
it.
"""

Seen = Callable[[int, Entry | None, bool], None]
"""Told of each record: its sequence, itself unless it cannot be read, and whether it is what its id says."""


def walk(
    log: sqlite3.Connection,
    path: Path,
    *,
    wanted: Collection[int] = (),
    pause: Pause = lambda _: None,
    accepted: Collection[str] = (),
) -> Walked:
    """Check the pages and every record of an open log. `wanted`: sequences whose digests are needed;
    `accepted`: hashes of altered records that an operator accepted.

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
    pause: Pause = lambda _: None,
    accepted: Collection[str] = (),
    seen: Seen | None = None,
    noted: str = NOTED,
) -> Walked:
    """Read every record, and report what is wrong. `noted`: the columns for `seen`, which logs of an earlier
    version do not have. Raises sqlite3.Error.
    """
    walked, digest, at = Walked(), RunningDigest(), 0
    columns = COLUMNS if seen is None else f"{COLUMNS}, {noted}"
    stops = iter(sorted({one for one in wanted if one > 0}))
    stop = next(stops, None)
    while True:
        end = at + CHUNK if stop is None else min(at + CHUNK, stop)
        rows = log.execute(
            f"SELECT {columns} FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?", (at, end - at)
        ).fetchall()
        if not rows:
            return walked
        for row in rows:
            at += 1
            if row[0] != at:
                walked.gaps.append(at)
                at = int(row[0])
            stored, altered = _look(row, accepted)
            if altered is not None:
                walked.altered.append(altered)
            if seen is not None:
                seen(at, None if stored is None else _entry(stored, *row[_WIDTH:]), altered is None)
        digest.add([str(row[1]) for row in rows])
        walked.end = Point(at, str(rows[-1][1]), digest.value(), _received_at(rows[-1]))
        if stop is not None and at >= stop:
            if at == stop:
                walked.digests[stop] = digest.value()
            stop = next(stops, None)
        pause(at)


def altered_rows(rows: Sequence[tuple[object, ...]], accepted: Collection[str] = ()) -> list[Altered]:
    """Those of these rows (COLUMNS) that do not match their ids."""
    looked = (_look(row, accepted)[1] for row in rows)
    return [altered for altered in looked if altered is not None]


def hash_of(row: tuple[object, ...]) -> str:
    """The id computed from a row's content (COLUMNS); or why it has none, for content that is not
    a record."""
    return _read(row)[1]


def _look(row: tuple[object, ...], accepted: Collection[str]) -> tuple[StoredRecord | None, Altered | None]:
    """The record in a row, None if it cannot be read; and how it was altered, None if it was not."""
    stored, now = _read(row)
    if now == row[1] or now in accepted:
        return stored, None
    return stored, Altered(int(str(row[0])), str(row[1]), str(row[2]), now)


def _read(row: tuple[object, ...]) -> tuple[StoredRecord | None, str]:
    try:
        stored = from_row(row[:_WIDTH])
        if row[6] != stored.record.topic:
            return stored, f"its topic is {stored.record.topic!r}, not {row[6]!r}"
        if not isinstance(row[_WIDTH - 1], float):
            return None, f"no record: it was received at {row[_WIDTH - 1]!r}"
        return stored, record_id(stored.record)
    except (SyncropelError, ValueError, TypeError, AssertionError, AttributeError) as error:
        return None, f"no record: {error}"


def _entry(stored: StoredRecord, term: object, ruled: object) -> Entry:
    return Entry(
        stored,
        term if isinstance(term, int) else _NO_NUMBER,
        ruled if ruled is None or isinstance(ruled, int) else _NO_NUMBER,
    )


def _received_at(row: tuple[object, ...]) -> float:
    at = row[_WIDTH - 1]
    return at if isinstance(at, float) else 0.0
