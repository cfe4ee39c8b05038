"""What is done after each commit so that its answer is true: the files are checked, the lineage
is updated."""

from __future__ import annotations

import ctypes
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.refusals import StoreReplaced
from syncropel.store.sqlite.connection import Connection
from syncropel.store.sqlite.file_watch import FileWatch

CHECKPOINT_PAGES: Final = 4000
"""Size of the write-ahead log from which on a commit moves it into the main file, in pages."""
_PAGES_A_RECORD: Final = 3
"""The table, and two indexes."""
_LEAST_FACTOR: Final = 0.2
_FRAME_BYTES: Final = 4096 + 24


class Custody:
    """Over the files of one open store. Everything runs on the writer's thread, except `keeper`, which any
    may use.

    `keeper`: writes the lineage; None while there is none, or while the log is held.
    """

    def __init__(self, path: Path, log: sqlite3.Connection, keeper: LineageKeeper | None) -> None:
        # Only we checkpoint: so the main file changes only when we know of it.
        log.execute("PRAGMA wal_autocheckpoint = 0")
        self._path = path
        self._watch = FileWatch(path)
        self.keeper = keeper
        self.replaced: StoreReplaced | None = None
        """Set once the files are no longer ours; from then on nothing is written."""
        self._changes = log.total_changes
        """How many rows the connection had changed when the latest transaction began."""
        self._pages = 0.0
        self._factor = 1.0
        self._wal_bytes = 0

    def look(self, *, wrote: bool = False) -> None:
        """Raise StoreReplaced when the files are not those that were opened, now or at an earlier check.
        `wrote`: something was written since then.
        """
        if self.replaced is not None:
            raise self.replaced
        try:
            self._watch.check(wrote=wrote)
        except StoreReplaced as error:
            self.replaced = error
            raise

    def begins(self, log: sqlite3.Connection) -> None:
        """A transaction is about to begin. What one before it changed and took back was never written."""
        self._changes = log.total_changes

    def committed(self, log: sqlite3.Connection, ids: Sequence[str], at: float) -> None:
        """These were committed at `at` (unix seconds). Raises StoreReplaced when they may be nowhere."""
        self.look(wrote=log.total_changes != self._changes)
        if self.keeper is not None:
            self.keeper.took(ids, at)
        grown = (self._watch.wal_bytes - self._wal_bytes) / _FRAME_BYTES
        self._wal_bytes = self._watch.wal_bytes
        self._pages += max(self._factor * (1 + _PAGES_A_RECORD * len(ids)), grown)
        if self._pages >= CHECKPOINT_PAGES:
            self._checkpoint(log, "PASSIVE")

    def checkpoint(self, log: sqlite3.Connection, mode: str) -> None:
        """Move the write-ahead log into the main file. Raises StoreReplaced, sqlite3.Error."""
        self.look()
        self._checkpoint(log, mode)

    def _checkpoint(self, log: sqlite3.Connection, mode: str) -> None:
        _, pages, moved = log.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        if self._pages >= CHECKPOINT_PAGES and pages > 0:
            self._factor = min(1.0, max(_LEAST_FACTOR, self._factor * pages / self._pages))
        self._pages = 0.0
        try:
            main = self._watch.checkpointed()
        except (StoreReplaced, FileNotFoundError):
            self.look()  # its exception is kept
            raise
        if self.keeper is not None:
            self.keeper.checkpointed(main, whole=pages == moved)

    def close(self) -> None:
        """Close the file handles, after the connections were closed."""
        self._watch.close()


def spare_the_files(connection: Connection) -> None:
    """Keep this open connection until the process is gone, so that its end changes no file.

    The last connection to close moves the write-ahead log into whatever is at the store's path by then.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
