"""Looks at a log in PostgreSQL without opening it for writing: a daemon may be using it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from syncropel.errors import NotFound
from syncropel.store.base import Hold
from syncropel.store.lineage.digest import RunningDigest
from syncropel.store.lineage.lineage import Point
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.connection import Log, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.postgres.known import KnownLog, hold_against
from syncropel.store.postgres.reading import SELECT, accepted_hashes
from syncropel.store.postgres.rows import plain
from syncropel.store.sqlite.integrity import Walked, altered_rows

CHUNK: Final = 1000


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


def walk(log: Log, seen: Callable[[int], None] = lambda _: None) -> Walked:
    """Read every record, and report what is wrong; `seen` is told how far it is. Raises psycopg.Error."""
    walked, digest, at = Walked(), RunningDigest(), 0
    while rows := log.execute(
        f"{SELECT} WHERE sequence > %s ORDER BY sequence LIMIT {CHUNK}", (at,)
    ).fetchall():
        for row in rows:
            at += 1
            if row[0] != at:
                walked.gaps.append(at)
                at = int(row[0])
        found = altered_rows([plain(row) for row in rows])
        walked.altered += [one for one in found if one.found not in accepted_hashes(log, [one])]
        digest.add([str(row[1]) for row in rows])
        walked.end = Point(at, str(rows[-1][1]), digest.value(), float(rows[-1][-1]))
        seen(at)
    return walked
