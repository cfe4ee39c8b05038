"""The daemon's own log."""

from __future__ import annotations

from syncropel.wire.base import Page, Wire


class LogLine(Wire):
    """A line of the daemon's log. `level`: ERROR, WARN, INFO, DEBUG or TRACE; empty is what it does not name.

    `sequence` is the cursor to go on from; it grows over restarts, and says nothing else.
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
    """GET /v1/engine/log: in order, oldest first. `next_cursor` is always there: lines will come after it.

    `missed`: lines after `since` that are not kept in memory any more; `dropped`: all such lines since the
    daemon started. The log file has them.
    """

    missed: int = 0
    dropped: int = 0
