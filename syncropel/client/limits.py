"""Limits on answers: whoever answers need not be a daemon, or a correct one."""

from __future__ import annotations

from typing import Final

from syncropel.errors import DaemonUnreachable

MAX_ANSWER_BYTES: Final = 256 * 2**20
MAX_EVENT_BYTES: Final = 32 * 2**20


class Body:
    """Collects an answer's body. Raises DaemonUnreachable when it exceeds the limit."""

    def __init__(self, path: str) -> None:
        self._path, self._size = path, 0
        self._parts: list[bytes] = []

    def add(self, part: bytes) -> None:
        self._size += len(part)
        _check(self._path, self._size, MAX_ANSWER_BYTES)
        self._parts.append(part)

    def content(self) -> bytes:
        return b"".join(self._parts)


class EventLines:
    """Splits an event stream into lines. Raises DaemonUnreachable when an event exceeds the limit."""

    def __init__(self, path: str) -> None:
        self._path, self._size = path, 0
        self._open: list[bytes] = []

    def add(self, part: bytes) -> list[str]:
        """The lines that this chunk completes."""
        *whole, rest = part.split(b"\n")
        found = []
        for one in whole:
            line = b"".join([*self._open, one]).removesuffix(b"\r")
            self._open = []
            self._size = self._size + len(one) if line else 0
            found.append(line.decode("utf-8", "replace"))
        self._size += len(rest)
        _check(self._path, self._size, MAX_EVENT_BYTES)
        if rest:
            self._open.append(rest)
        return found


def _check(path: str, size: int, limit: int) -> None:
    if size > limit:
        raise DaemonUnreachable(
            f"{path} answered more than {limit // 2**20} MiB", "is that a Syncropel daemon? see: spl status"
        )
