"""Extracts server-sent events from a stream while it passes, without delaying it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

LONGEST_EVENT: Final = 64 * 1024 * 1024
"""Longest event data that is kept; longer events are ignored here."""
MOST_INFLATED: Final = 256 * 1024 * 1024
"""Most bytes that a compressed answer is expanded to; the rest is not read."""
_STEP: Final = 1024 * 1024


class Lines:
    """Splits bytes into lines. A line above the limit is dropped, and `lost` is set."""

    def __init__(self, longest: int = LONGEST_EVENT) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0
        self.lost = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that end in this chunk, without their line ends."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._keep(piece)
            if self._size <= self._longest:
                yield b"".join(self._parts).rstrip(b"\r")
            self._parts, self._size = [], 0
        self._keep(rest)

    def rest(self) -> bytes:
        """What followed the last line end."""
        return b"".join(self._parts)

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._longest:
            self._parts, self.lost = [], True
        elif piece:
            self._parts.append(piece)


class Inflated:
    """Decompresses an answer for reading. `broken`: it cannot be decompressed, or exceeds the limit."""

    def __init__(self, encoding: str) -> None:
        self.broken = encoding not in ("", "identity", "gzip", "deflate")
        self._decoder = zlib.decompressobj(47) if encoding in ("gzip", "deflate") else None
        self._left = MOST_INFLATED

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes, in chunks."""
        if self.broken or self._decoder is None:
            if not self.broken:
                yield data
            return
        while data and not self.broken:
            try:
                plain = self._decoder.decompress(data, _STEP)
            except zlib.error:
                self.broken = True
                return
            self._left -= len(plain)
            self.broken = self._left < 0
            data = self._decoder.unconsumed_tail
            if plain:
                yield plain
            elif not data or self._decoder.eof:
                return
