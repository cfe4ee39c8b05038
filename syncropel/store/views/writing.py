"""Writes a batch to the tables of views."""

from __future__ import annotations

import sqlite3

from syncropel.store.views.batch import Batch, ThreadRow

_COLUMNS = ThreadRow._fields
_PUT_THREAD = (
    f"INSERT INTO threads ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (first) DO UPDATE SET {', '.join(f'{one} = excluded.{one}' for one in _COLUMNS[2:])}"
)
"""A row keeps its thread and its first record, so that only the indexes of what changed are touched."""


def write(connection: sqlite3.Connection, batch: Batch, at_record: str) -> None:
    """Write all of it in one transaction, or nothing. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _write(connection, batch, at_record)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write(connection: sqlite3.Connection, batch: Batch, at_record: str) -> None:
    many = connection.executemany
    many(_PUT_THREAD, batch.threads)
    connection.execute("DELETE FROM stale")
    many("INSERT INTO stale VALUES (?)", [(thread,) for thread in batch.stale])
    many("INSERT OR REPLACE INTO spawned VALUES (?, ?)", batch.spawned)
    many("INSERT OR REPLACE INTO forked VALUES (?, ?, ?, ?)", batch.forked)
    many("INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", batch.runs)
    many("DELETE FROM starts WHERE intend = ?", [(intend,) for intend in batch.settled])
    many("INSERT OR IGNORE INTO starts VALUES (?, ?)", batch.starts)
    many("DELETE FROM unreported WHERE result = ?", [(result,) for result in batch.reported])
    many("INSERT OR IGNORE INTO unreported VALUES (?, ?)", batch.unreported)
    many("INSERT OR REPLACE INTO actors VALUES (?, ?, ?, ?, ?, ?)", batch.actors)
    meta = {"position": str(batch.position), "at_record": at_record, "state": batch.state}
    many("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
