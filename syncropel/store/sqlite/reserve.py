"""Disk space reserved for control records: a full disk must not keep anybody from stopping the fleet.

A goal can fill the disk that the log is on. Then a file that only occupies space gives some of it back, and
the freeze is written there. It is filled again once there is plenty.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.calls import Call

SIZE_BYTES: Final = 4 * 1024 * 1024
PARTS: Final = 8
"""How many parts it is given back in: another process may take what is freed first."""
_PLENTY: Final = 4
"""It is filled only where this many times its size is free."""


class Reserve:
    """The file at `path`. Not thread-safe."""

    def __init__(self, path: Path, size: int = SIZE_BYTES) -> None:
        self._path = path
        self._size = size

    def fill(self) -> None:
        """Occupy the space, where there is plenty. Never raises: without it there is only less to
        give back."""
        with contextlib.suppress(OSError):
            if self._held() >= self._size or not self._is_plenty():
                return
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                # Written, not only allocated: some file systems allocate nothing.
                os.pwrite(descriptor, os.urandom(self._size), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def give(self) -> bool:
        """Give back a part of the space; return False when there is none left."""
        try:
            held = self._held()
            if held <= 0:
                return False
            os.truncate(self._path, max(0, held - -(-self._size // PARTS)))
        except OSError:
            return False
        return True

    def _held(self) -> int:
        try:
            return os.stat(self._path, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    def _is_plenty(self) -> bool:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize >= _PLENTY * self._size


def may_take(error: sqlite3.Error, calls: Iterable[Call]) -> bool:
    """Whether a commit that failed with this error may use the reserve: a full disk, and a control record."""
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return full and any(
        isinstance(one, Record) and one.thread == FLEET_CONTROL for call in calls for one in call.records
    )
