"""One process per store: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from syncropel.errors import StoreError
from syncropel.settings.home import lock_of


class StoreLock:
    """The exclusive lock on `<store>.lock`, held from construction to `release`.

    The lock has a file of its own, which is never removed: closing any descriptor of the store itself would
    drop the locks that SQLite holds on it in this process, and removing a lock file lets two processes lock
    two files of one name. Raises StoreError when another process holds it, or the file cannot be created.
    """

    def __init__(self, store: Path) -> None:
        path = lock_of(store)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot write {path}: {error.strerror}",
                f"check that {store.parent} is a folder that you may write to",
            ) from None
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise StoreError(
                f"another process (pid {holder}) has {store} open",
                "stop that daemon first: spl stop; or use another home: SYNCROPEL_HOME",
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the lock holds, only its holder stays unnamed
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Release the lock; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
