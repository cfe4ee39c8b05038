"""The daemon's own log."""

from __future__ import annotations

from syncropel.wire.base import Page, Wire


class LogLine(Wire):
    """A line of the daemon's log. `level`: ERROR, WARN, INFO, DEBUG, or TRACE; missing values are empty.

    `sequence` is the cursor to continue from; it grows across restarts, and has no other meaning.
    """

    sequence: int
    at: float
    level: str
    target: str
    message: str
    actor: str = ""
    thread: str = ""
    record: str = ""
    traceback: str = ""


class LogPage(Page[LogLine]):
    """GET /v1/engine/log: in order, oldest first. `next_cursor` is always set: more lines will follow.

    `missed`: lines after `since` that are no longer in memory; `dropped`: all such lines since the daemon
    started. The log file has them.
    """

    missed: int = 0
    dropped: int = 0
