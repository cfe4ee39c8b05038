"""The newest lines of the daemon's log, kept in memory for readers over the API.

Bounded in lines and in bytes. A reader is only a cursor into the ring: a slow one costs nothing, and learns
how many lines it missed when the ring has moved past it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from syncropel.logs.lines import fields_of

KEPT_LINES: Final = 5_000
KEPT_CHARS: Final = 4 * 1024 * 1024
LINE_CHARS: Final = 16 * 1024
"""The longest message or traceback; a longer one is cut here, and complete in the file."""


@dataclass(frozen=True)
class Kept:
    """One line: `sequence` is its cursor, `fields` are as in the file, `severity` is logging's number."""

    sequence: int
    severity: int
    at: float
    fields: dict[str, object]


@dataclass(frozen=True)
class Seen:
    """What a reader gets: lines in order, and how many it missed between its cursor and the first of them.

    `cursor` is where to continue: after the last line examined, even if none was severe enough.
    """

    lines: list[Kept]
    missed: int
    cursor: int


class LogRing(logging.Handler):
    """A logging handler that keeps the newest lines. Sequences begin at the current time in microseconds.

    Thus a cursor from before a restart is an old cursor, never one from the future.
    """

    def __init__(self, now: Callable[[], float] = time.time, kept: int = KEPT_LINES) -> None:
        super().__init__()
        self._kept = kept
        self._lines: deque[Kept] = deque()
        self._chars = 0
        self._first = self._next = int(now() * 1e6)
        self._guard = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = {key: _short(value) for key, value in fields_of(record).items()}
        with self._guard:
            self._lines.append(Kept(self._next, record.levelno, record.created, fields))
            self._next += 1
            self._chars += _size(fields)
            while len(self._lines) > self._kept or self._chars > KEPT_CHARS:
                self._chars -= _size(self._lines.popleft().fields)
            waiting, self._waiting = self._waiting, []
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # its loop has ended, and nobody waits any more
                loop.call_soon_threadsafe(event.set)

    @property
    def dropped(self) -> int:
        """Lines logged by this process that only the file still has."""
        with self._guard:
            return self._next - self._first - len(self._lines)

    def newest(self, limit: int, severity: int = 0) -> Seen:
        """The last `limit` lines of at least this severity."""
        with self._guard:
            kept = [one for one in self._lines if one.severity >= severity]
            return Seen(kept[-limit:], 0, self._next - 1)

    def after(self, cursor: int, limit: int, severity: int = 0) -> Seen:
        """The next lines after a cursor, at most `limit`."""
        with self._guard:
            oldest = self._lines[0].sequence if self._lines else self._next
            missed = max(0, oldest - max(cursor, self._first - 1) - 1)
            found: list[Kept] = []
            for one in islice(self._lines, max(0, cursor - oldest + 1), None):
                if one.severity >= severity:
                    if len(found) == limit:
                        break
                    found.append(one)
            whole = len(found) < limit
            return Seen(found, missed, max(cursor, self._next - 1) if whole else found[-1].sequence)

    async def wait(self, cursor: int) -> None:
        """Wait until there is a line after the cursor."""
        event = asyncio.Event()
        with self._guard:
            if self._next - 1 > cursor:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()


def _size(fields: dict[str, object]) -> int:
    return sum(len(str(value)) for value in fields.values())


def _short(value: object) -> object:
    """Text that any JSON encoder accepts, cut to its limit."""
    text = str(value)
    if len(text) > LINE_CHARS:
        text = f"{text[:LINE_CHARS]}… ({len(text) - LINE_CHARS} characters more)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
