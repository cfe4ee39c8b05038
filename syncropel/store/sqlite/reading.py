"""The reads of a SQLite store: each is one function that runs as a whole on a reader's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from syncropel.record.model import StoredRecord
from syncropel.record.threads import RULING
from syncropel.store.base import Altered, Entry, RecordFilter
from syncropel.store.head import Head
from syncropel.store.sqlite.integrity import altered_rows
from syncropel.store.sqlite.rows import COLUMNS, NOTED, from_row

_SELECT = f"SELECT {COLUMNS} FROM records"


def get(connection: sqlite3.Connection, record_id: str) -> StoredRecord | None:
    """The record with this id, or None."""
    row = connection.execute(f"{_SELECT} WHERE id = ?", (record_id,)).fetchone()
    return None if row is None else from_row(row)


def after(connection: sqlite3.Connection, sequence: int, limit: int) -> list[StoredRecord]:
    """At most `limit` records with a higher sequence, in order of sequence."""
    return _rows(connection, f"{_SELECT} WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit))


def entries_after(connection: sqlite3.Connection, sequence: int, limit: int) -> list[Entry]:
    """As `after`, with what was noted when they were appended."""
    rows = connection.execute(
        f"SELECT {NOTED}, {COLUMNS} FROM records WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (sequence, limit),
    )
    return [Entry(from_row(row), term, ruled) for term, ruled, *row in rows]


def head(connection: sqlite3.Connection) -> Head:
    """Where the log ends. Terms never fall, so the last record has the newest; the index has what it takes to
    find the newest ruling record.
    """
    last, term = connection.execute(
        "SELECT sequence, term FROM records ORDER BY sequence DESC LIMIT 1"
    ).fetchone() or (0, 0)
    threads = ",".join("?" * len(RULING))
    statement = f"SELECT coalesce(max(sequence), 0) FROM records WHERE thread IN ({threads})"
    (ruled,) = connection.execute(statement, (*RULING,)).fetchone()
    return Head(last, ruled, term)


def thread(connection: sqlite3.Connection, thread: str) -> list[StoredRecord]:
    """Every record of one thread, by (clock, sequence)."""
    return _rows(connection, f"{_SELECT} WHERE thread = ? ORDER BY clock, sequence", (thread,))


def intends(connection: sqlite3.Connection, thread: str, through: int) -> list[StoredRecord]:
    """The INTENDs of one thread up to a sequence, by sequence."""
    where = "WHERE thread = ? AND act = 'INTEND' AND sequence <= ? ORDER BY sequence"
    return _rows(connection, f"{_SELECT} {where}", (thread, through))


def query(connection: sqlite3.Connection, wanted: RecordFilter) -> list[StoredRecord]:
    """The records that match a RecordFilter. Without a thread this scans the log from `since` until `limit`
    are found.
    """
    cursor = "sequence" if wanted.thread is None else "clock"
    conditions: dict[str, str | int | None] = {
        "thread = ?": wanted.thread,
        "actor = ?": wanted.actor,
        "act = ?": wanted.act,
        "topic = ?": wanted.topic,
        "thread <> ?": wanted.without,
        f"{cursor} > ?": wanted.since,
    }
    given = {condition: value for condition, value in conditions.items() if value is not None}
    where = f" WHERE {' AND '.join(given)}" if given else ""
    order = "sequence" if wanted.thread is None else "clock, sequence"
    values = (*given.values(), max(wanted.limit, 0))
    return _rows(connection, f"{_SELECT}{where} ORDER BY {order} LIMIT ?", values)


def altered_after(
    connection: sqlite3.Connection, sequence: int, limit: int, accepted: Collection[str]
) -> tuple[int, list[Altered]]:
    """See RecordStore. `accepted`: hashes of altered records that an operator accepted."""
    rows = connection.execute(f"{_SELECT} WHERE sequence > ? ORDER BY sequence LIMIT ?", (sequence, limit))
    found = rows.fetchall()
    return (found[-1][0] if found else sequence), altered_rows(found, accepted)


def acknowledged(connection: sqlite3.Connection, record_ids: Collection[str]) -> set[str]:
    """Those of these ids that the coordinator has accepted."""
    one = "SELECT 1 FROM acknowledged WHERE record_id = ?"
    return {record for record in record_ids if connection.execute(one, (record,)).fetchone() is not None}


def _rows(
    connection: sqlite3.Connection, statement: str, values: tuple[str | int | None, ...]
) -> list[StoredRecord]:
    return [from_row(row) for row in connection.execute(statement, values)]
