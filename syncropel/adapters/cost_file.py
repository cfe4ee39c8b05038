"""The cost file, with which a script reports its spending.

A script appends a line with a number of US dollars to the file named by `SPL_COST_FILE`, whenever it has
spent that much more: `echo 0.12 >> "$SPL_COST_FILE"`. It may do so as often as it likes; the file is read
while the script runs. A line that is not a number above 0 is ignored and logged once.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

from syncropel.folds.fanout.spec import LARGEST

log = logging.getLogger("syncropel.engine.adapters.cost_file")

LOOK_SECS: Final = 0.1
"""How often the file is read."""
_CHUNK_BYTES: Final = 1 << 20


def open_plain(path: Path, *, dir_fd: int | None = None) -> BinaryIO:
    """Open a file that a goal may have replaced: a pipe would block everybody, a link could show other files.

    `dir_fd`: the open folder for a relative path. Raises OSError when it is not a plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return os.fdopen(descriptor, "rb")


def touch_plain(path: Path) -> None:
    """Ensure that a plain file exists: what an earlier process wrote stays, anything else is removed. Raises
    OSError.
    """
    try:
        open_plain(path).close()
    except OSError:
        path.unlink(missing_ok=True)
        path.touch(exist_ok=False)


class CostFile:
    """Reads on from an offset in bytes; only whole lines are read."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._warned = False
        self.offset = offset

    def read(self) -> float:
        """US dollars in the new lines. An unreadable file counts as nothing."""
        try:
            with open_plain(self._path) as file:
                file.seek(self.offset)
                whole, newline, _ = file.read(_CHUNK_BYTES).rpartition(b"\n")
        except OSError:
            return 0.0
        self.offset += len(whole) + len(newline)
        return math.fsum(self._amount(line) for line in whole.splitlines())

    def _amount(self, line: bytes) -> float:
        try:
            value = float(line)
        except ValueError:
            value = -1.0 if line.strip() else 0.0
        if 0 <= value <= LARGEST:
            return value
        if not self._warned:
            self._warned = True
            log.warning("%s: not an amount of US dollars: %r", self._path, line[:60])
        return 0.0
