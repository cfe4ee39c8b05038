"""Whole lines of a growing file: a program's output is read while it runs, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from syncropel.adapters.cost_file import open_plain

LONGEST_LINE: Final = 16 * 1024 * 1024
"""Longest line that is read. Agents have been seen to write lines of 2 MB."""
CHUNK_BYTES: Final = 1 << 20


class Tail:
    """Reads a file from its start, a chunk at a time; the file may be missing, or no longer a plain file."""

    def __init__(self, path: Path, longest: int = LONGEST_LINE) -> None:
        self._path = path
        self._longest = longest
        self._partial = bytearray()
        self._dropping = False
        self.offset = 0
        """Bytes read so far."""
        self.dropped = 0
        """Lines that were too long to be read."""

    @property
    def exists(self) -> bool:
        """Whether there is anything to read, or ever was."""
        return self.offset > 0 or self._path.exists()

    def read(self) -> Iterator[tuple[int, bytes]]:
        """The lines that end in the next chunk, each with the offset after its newline."""
        try:
            with open_plain(self._path) as file:
                file.seek(self.offset)
                chunk = file.read(CHUNK_BYTES)
        except OSError:
            return
        at = 0
        while (end := chunk.find(b"\n", at)) >= 0:
            line = self._joined(chunk[at:end])
            at = end + 1
            if line is not None:
                yield self.offset + at, line
        self._keep(chunk[at:])
        self.offset += len(chunk)

    def last(self) -> bytes | None:
        """What follows the last newline, when the file has stopped growing; None when nothing does."""
        return self._joined(b"") if self._partial or self._dropping else None

    def _joined(self, end: bytes) -> bytes | None:
        self._keep(end)
        line, dropped = bytes(self._partial), self._dropping
        self._partial.clear()
        self._dropping = False
        self.dropped += dropped
        return None if dropped else line

    def _keep(self, piece: bytes) -> None:
        if self._dropping or len(self._partial) + len(piece) > self._longest:
            self._partial.clear()
            self._dropping = True
        else:
            self._partial += piece
