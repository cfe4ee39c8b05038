"""Reads of one thread on the calling thread: a hop to another would cost more than the read."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from pathlib import Path

from syncropel.record.model import StoredRecord
from syncropel.store.sqlite.connection import BUSY_SECONDS, close_after_reads, explain, read_only_uri
from syncropel.store.sqlite.rows import COLUMNS, from_row

_SELECT = f"SELECT {COLUMNS} FROM records WHERE thread = ? AND sequence <= ?"


class ReaderAtOnce:
    """A connection that any thread may read from. It has the store's files open from the start, so that it
    keeps working when they are removed.
    """

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error."""
        self._path = path
        self._lock = threading.Lock()
        self._log = sqlite3.connect(
            read_only_uri(path), uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        # Of a store that nobody closed, too; at the end of the process threads may still read.
        self._end = weakref.finalize(self, close_after_reads, self._log, self._lock)
        self._log.execute("SELECT count(*) FROM meta").fetchone()

    def thread(self, thread: str, through: int) -> list[StoredRecord]:
        """The records of a thread up to this sequence, by sequence. Raises StoreError."""
        try:
            with self._lock:
                rows = self._log.execute(_SELECT, (thread, through)).fetchall()
        except sqlite3.Error as error:
            raise explain(error, self._path) from error
        return [from_row(row) for row in sorted(rows, key=lambda row: row[0])]

    def close(self) -> None:
        """Close the connection, after the read that runs on it. Safe to call twice."""
        self._end()
