"""Looks at a log in PostgreSQL without opening it for writing: a daemon may be using it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from syncropel.errors import NotFound, SyncropelError
from syncropel.store.base import Entry, Hold
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.lineage import Point
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.connection import Log, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.postgres.known import KnownLog, hold_against
from syncropel.store.postgres.reading import accepted_hashes
from syncropel.store.postgres.rows import COLUMNS, plain
from syncropel.store.sqlite.integrity import Walked, altered_rows
from syncropel.store.sqlite.rows import NOTED, from_row

CHUNK: Final = 1000
_WALKED: Final = (
    f"SELECT {COLUMNS}, {NOTED} FROM syncropel.records WHERE sequence > %s ORDER BY sequence LIMIT {CHUNK}"
)


@contextmanager
def looking_at(address: Address) -> Iterator[Log]:
    """One view of the log, which does not change meanwhile. Raises NotFound without a log, StoreError."""
    try:
        session = Session(address, writes=False)
        try:
            session.log.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            there: Any = session.log.execute(
                "SELECT to_regclass('syncropel.log_head') IS NOT NULL"
            ).fetchone()
            if not there[0]:
                raise NotFound(f"there is no log at {address.shown}", "made at the first start: spl serve")
            yield session.log
        finally:
            session.close()
    except psycopg.Error as error:
        raise explain(error, address) from error


def look(log: Log, address: Address, known: Path) -> tuple[int, Hold | None]:
    """How many records it has, and what speaks against it: what a home knows is in the file `known`."""
    remembered = KnownLog(known, address.shown).read()
    sequence = 0 if remembered is None else remembered[1].sequence
    row: Any = log.execute(
        "SELECT log_id::text, last,"
        " coalesce((SELECT encode(id, 'hex') FROM syncropel.records WHERE sequence = %s), '')"
        " FROM syncropel.log_head",
        (sequence,),
    ).fetchone()
    log_id, last, there = row
    return int(last), hold_against(remembered, log_id, there, last, address)


def id_at(log: Log, sequence: int) -> str:
    """The id of the record at a sequence, empty for none."""
    row = log.execute(
        "SELECT encode(id, 'hex') FROM syncropel.records WHERE sequence = %s", (sequence,)
    ).fetchone()
    return "" if row is None else str(row[0])


def walk(log: Log, seen: Callable[[int, Entry | None, bool], None] = lambda *_: None) -> Walked:
    """Read every record, and report what is wrong. `seen` is told each sequence, what is there, None if it
    cannot be read, and whether it is what its id says. Raises psycopg.Error.
    """
    walked, digest, at = Walked(), RunningDigest(), 0
    while found := log.execute(_WALKED, (at,)).fetchall():
        rows = [(plain(row[:-2]), *row[-2:]) for row in found]
        altered = {one.sequence: one for one in altered_rows([row for row, *_ in rows])}
        accepted = accepted_hashes(log, [*altered.values()]) if altered else set()
        altered = {key: one for key, one in altered.items() if one.found not in accepted}
        walked.altered += altered.values()
        for row, term, ruled in rows:
            at += 1
            if row[0] != at:
                walked.gaps.append(at)
                at = int(row[0])
            seen(at, _entry(row, term, ruled), at not in altered)
        digest.add([str(row[1]) for row, *_ in rows])
        last = rows[-1][0]
        walked.end = Point(at, str(last[1]), digest.value(), float(last[-1]))
    return walked


def _entry(row: tuple[Any, ...], term: int, ruled: int | None) -> Entry | None:
    try:
        return Entry(from_row(row), term, ruled)
    except (SyncropelError, ValueError, TypeError, AttributeError):
        return None
