"""Whether the files of an open store are still its own: not removed, replaced, or overwritten.

SQLite keeps writing to a removed file, and reports success. So before a commit is answered, the files at the
store's path are compared with those that were opened. Only this process writes to the main file, and only
when it checkpoints.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from syncropel.store.refusals import StoreReplaced

_WAL_HEADER: Final = 32
_RESCUE: Final = "do not stop the daemon yet: spl backup now --to DIR saves what it still holds"


class FileWatch:
    """The open store at `path`, and its write-ahead log. Not thread-safe.

    `close` it after the connections: closing any descriptor of a file drops SQLite's locks on it.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._wal_path = f"{path}-wal"
        self._main = _identity(os.stat(self._path))
        self._state = _state(os.stat(self._path))
        self._wal: tuple[int, int] | None = None
        self._wal_descriptor = -1
        self._wal_size = 0
        self._wal_header = b""
        """Empty until the first write, and again from each checkpoint to the next write, when SQLite may
        begin the write-ahead log anew.
        """
        self._adopt_wal()

    def check(self, *, wrote: bool = False) -> None:
        """Raise StoreReplaced, naming the file, when one is not what it was.

        `wrote`: something was written since the last check. A transaction that changes nothing does not, and
        leaves the write-ahead log to begin anew later.
        """
        try:
            main = os.stat(self._path)
        except FileNotFoundError:
            raise self._replaced(self._path, "is gone") from None
        if _identity(main) != self._main:
            raise self._replaced(self._path, "is another file now")
        if _state(main) != self._state:
            raise self._replaced(self._path, "was written to by another program")
        if self._wal is None:
            self._adopt_wal()
            return
        try:
            wal = os.stat(self._wal_path)
        except FileNotFoundError:
            raise self._replaced(self._wal_path, "is gone") from None
        if _identity(wal) != self._wal:
            raise self._replaced(self._wal_path, "is another file now")
        header = os.pread(self._wal_descriptor, _WAL_HEADER, 0)
        if self._wal_header and (header != self._wal_header or wal.st_size < self._wal_size):
            raise self._replaced(self._wal_path, "was written to by another program")
        if wrote or self._wal_header:
            self._wal_header = header
        self._wal_size = wal.st_size

    @property
    def wal_bytes(self) -> int:
        """The size of the write-ahead log at the last check."""
        return self._wal_size

    def checkpointed(self) -> tuple[int, int]:
        """Record the main file's state just after a checkpoint; return its size and mtime (ns).

        The write-ahead log may restart after it. Call `check` before the checkpoint.
        """
        main = os.stat(self._path)
        if _identity(main) != self._main:
            raise self._replaced(self._path, "is another file now")
        self._state = _state(main)
        self._wal_header = b""
        return self._state

    def close(self) -> None:
        """Close the write-ahead log's handle. Safe to call twice."""
        if self._wal_descriptor >= 0:
            os.close(self._wal_descriptor)
            self._wal_descriptor = -1

    def _adopt_wal(self) -> None:
        try:
            descriptor = os.open(self._wal_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        self._wal_descriptor = descriptor
        found = os.fstat(descriptor)
        self._wal, self._wal_size = _identity(found), found.st_size

    def _replaced(self, path: str, what: str) -> StoreReplaced:
        return StoreReplaced(f"{path} {what}, while this daemon has it open: nothing is written", _RESCUE)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns
