"""The file that keeps what an attempt writes, read with care: a goal may put anything in its place."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.files import folder_name

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def output_path(work: Path, thread: str, attempt: int) -> Path:
    """Where the output of an attempt is kept. `work`: the instance's folder of work."""
    return work / folder_name(thread) / f"attempt-{attempt}.log"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes from `offset` on, and the size of the whole file at that moment."""

    offset: int
    data: bytes
    size: int


def read_piece(path: Path, offset: int, limit: int) -> Piece:
    """At most `limit` bytes from an offset; from the end when the file is shorter than that.

    Raises FileNotFoundError when there is no such file, any other OSError when it is not a plain file of its
    own: a link, a pipe, or another name of some other file.
    """
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = min(offset, size)
        return Piece(start, os.pread(file.fileno(), limit, start), size)


def read_tail(path: Path, lines: int, limit: int) -> Piece:
    """The last `lines` lines, or fewer if these have more than `limit` bytes. Raises as `read_piece`."""
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = max(0, size - limit)
        data = os.pread(file.fileno(), limit, start)
    end = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        end = data.rfind(b"\n", 0, max(0, end))
        if end < 0:
            break
    cut = len(data) if lines == 0 else end + 1
    if lines and end < 0 and start > 0:
        cut = data.find(b"\n") + 1  # the first line is not whole
    return Piece(start + cut, data[cut:], size)


def _open(path: Path) -> BinaryIO:
    # Each step is opened from the one before, so that no link is followed, however late a goal puts it there.
    work = os.open(path.parent.parent, _FOLDER)
    try:
        folder = os.open(path.parent.name, _FOLDER | os.O_NOFOLLOW, dir_fd=work)
    finally:
        os.close(work)
    try:
        file = open_plain(Path(path.name), dir_fd=folder)
    finally:
        os.close(folder)
    if os.fstat(file.fileno()).st_nlink > 1:
        file.close()
        raise OSError(errno.EMLINK, "the file has other names", str(path))
    return file
