"""Reads the file with an attempt's output safely: a goal may have replaced it with anything."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from syncropel.adapters.cost_file import open_plain
from syncropel.adapters.files import folder_name

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the output of an attempt is stored: for a script all of it (`merged`), for an agent its stdout
    (`said`) and its stderr (`errors`). `gate`: the output of the gate command that followed.

    There is at most one of `merged` and `said`.
    """

    merged: Path
    said: Path
    errors: Path
    gate: Path


def output_paths(work: Path, thread: str, attempt: int) -> Paths:
    """The files of an attempt; `work`: the instance's folder of work."""
    stem = work / folder_name(thread) / f"attempt-{attempt}"
    return Paths(*(stem.with_name(f"{stem.name}.{end}") for end in ("log", "out", "err", "gate")))


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes from `offset` on, and the size of the whole file at that time."""

    offset: int
    data: bytes
    size: int


def read_piece(path: Path, offset: int, limit: int, then: Path | None = None) -> Piece:
    """At most `limit` bytes from an offset; from the end when the file is shorter than that. `then`: a file
    whose bytes follow those of the first, if it exists.

    Raises FileNotFoundError when there is no such file, any other OSError when it is not a plain file of its
    own: a link, a pipe, or another name of some other file.
    """
    with _whole(path, then) as whole:
        start = min(offset, whole.size)
        return Piece(start, whole.read(start, limit), whole.size)


def read_tail(path: Path, lines: int, limit: int, then: Path | None = None) -> Piece:
    """The last `lines` lines, or fewer if these exceed `limit` bytes. Raises as `read_piece`."""
    with _whole(path, then) as whole:
        size = whole.size
        start = max(0, size - limit)
        data = whole.read(start, limit)
    end = len(data) - data.endswith(b"\n")
    for _ in range(lines):
        end = data.rfind(b"\n", 0, max(0, end))
        if end < 0:
            break
    cut = len(data) if lines == 0 else end + 1
    if lines and end < 0 and start > 0:
        cut = data.find(b"\n") + 1  # the first line is incomplete
    return Piece(start + cut, data[cut:], size)


class _Whole:
    """Files that are read as one, each with its length when it was opened."""

    def __init__(self, files: Sequence[BinaryIO]) -> None:
        self._parts = [(file, os.fstat(file.fileno()).st_size) for file in files]
        self.size = sum(size for _, size in self._parts)

    def read(self, offset: int, limit: int) -> bytes:
        found = b""
        for file, size in self._parts:
            if offset < size and len(found) < limit:
                piece = os.pread(file.fileno(), min(limit - len(found), size - offset), offset)
                found += piece
                offset += len(piece)
            offset -= size
        return found


@contextlib.contextmanager
def _whole(path: Path, then: Path | None) -> Iterator[_Whole]:
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(_open(path))]
        if then is not None:
            with contextlib.suppress(OSError):
                files.append(opened.enter_context(_open(then)))
        yield _Whole(files)


def identity(path: Path) -> tuple[int, int]:
    """The identity of the file, device and inode: it changes when the file is replaced. Raises as
    `read_piece`.
    """
    with _open(path) as file:
        status = os.fstat(file.fileno())
        return status.st_dev, status.st_ino


def open_own(path: Path, *, anew: bool) -> BinaryIO:
    """Open one of the daemon's own files beside an output, for appending; `anew`: truncated.

    Raises OSError when something other than a plain file is there.
    """
    folder = _folder(path)
    try:
        if anew:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path.name, dir_fd=folder)  # whatever a goal has put there
        new = os.O_CREAT | os.O_EXCL if anew else 0
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | new
        descriptor = os.open(path.name, flags, 0o600, dir_fd=folder)
    finally:
        os.close(folder)
    return _plain(os.fdopen(descriptor, "ab"), path)


def _folder(path: Path) -> int:
    # Each step is opened relative to the one before, so that no link is followed, however late a goal puts it
    # there.
    work = os.open(path.parent.parent, _FOLDER)
    try:
        return os.open(path.parent.name, _FOLDER | os.O_NOFOLLOW, dir_fd=work)
    finally:
        os.close(work)


def _open(path: Path) -> BinaryIO:
    folder = _folder(path)
    try:
        file = open_plain(Path(path.name), dir_fd=folder)
    finally:
        os.close(folder)
    return _plain(file, path)


def _plain(file: BinaryIO, path: Path) -> BinaryIO:
    status = os.fstat(file.fileno())
    if status.st_nlink != 1 or not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(errno.EMLINK, "the file has other names", str(path))
    return file
