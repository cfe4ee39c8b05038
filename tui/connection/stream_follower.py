"""Follows one stream for a screen: catches up, continues from its cursor, and reports every gap.

No Textual here. Clock and sleep are passed in; a failure becomes a message and another try.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from syncropel import client
from syncropel import wire as schema
from syncropel.backoff import backoff_secs
from syncropel.client import Call, Event, calls, log_calls
from syncropel.errors import SyncropelError
from tui.model.feed import CAP, FeedLine, of_log, of_record

if TYPE_CHECKING:
    from syncropel.client.calls import Answer

BACKLOG: Final = 500
"""Lines loaded from before the screen was opened."""
BASE_SECS: Final = 0.5
MAX_SECS: Final = 5.0


class Asks(Protocol):
    """The part of a session that it needs."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...

    async def send(self, call: Call[Answer]) -> Answer: ...


class Notes:
    """The console's own lines, each with its own key and time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._count = now, 0

    def __call__(self, words: str) -> FeedLine:
        self._count += 1
        return FeedLine(f"note:{self._count}", self._now(), words=words)


class Records:
    """The records of the whole log."""

    name = "records"
    path = "/v1/records/watch"

    def __init__(self, asks: Asks, note: Notes) -> None:
        self._asks, self._note = asks, note
        self.begins_empty = False
        """Whether nothing precedes the stream; otherwise its first lines are on their way when it opens."""

    async def catch_up(self, cursor: str) -> tuple[list[FeedLine], str]:
        """Return where to continue. A long absence is not replayed; the skipped part is reported."""
        newest = (await self._asks.send(calls.health())).records
        self.begins_empty = newest == 0
        if not cursor:
            return [], str(max(0, newest - BACKLOG))
        behind = newest - int(cursor)
        if behind <= CAP:
            return [], cursor
        begin = newest - BACKLOG
        words = f"{begin - int(cursor)} not shown: spl records list --since {cursor}"
        return [self._note(words)], str(begin)

    def read(self, event: Event) -> FeedLine | None:
        """Return a line for an event. Raises SyncropelError, TypeError, or KeyError for a malformed one."""
        if event.name != "record.created":
            return None
        return of_record(client.reading.document(schema.RecordOut, event.data["record"]))


class Log:
    """The daemon's own log."""

    name = "log"
    path = "/v1/engine/log/watch"
    begins_empty = True

    def __init__(self, asks: Asks, note: Notes) -> None:
        self._asks, self._note = asks, note

    async def catch_up(self, cursor: str) -> tuple[list[FeedLine], str]:
        """Return the lines before the stream. With a cursor, the stream supplies them and reports gaps."""
        if cursor:
            return [], cursor
        page = await self._asks.send(log_calls.log_lines(limit=BACKLOG))
        return [of_log(one) for one in page.data], str(page.next_cursor or 0)

    def read(self, event: Event) -> FeedLine | None:
        """As `Records.read`."""
        if event.name == "log.gap":
            missed = int(event.data["missed"])
            return self._note(f"{missed} log lines missed: see the log file")
        if event.name != "log.line":
            return None
        return of_log(client.reading.document(schema.LogLine, event.data))


class StreamFollower:
    """One stream, followed while `run` runs; the next `run` continues where the last one ended."""

    def __init__(
        self,
        asks: Asks,
        source: Records | Log,
        note: Notes,
        deliver: Callable[[Sequence[FeedLine]], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._asks, self._source, self._note = asks, source, note
        self._deliver, self._sleep, self._jitter = deliver, sleep, jitter
        self._cursor = ""
        self._failures = 0
        self.trouble = ""
        """Why it is not following at present, in words; empty while it is."""
        self.was_read = self.is_open = False

    @property
    def name(self) -> str:
        """What it follows: `records` or `log`."""
        return self._source.name

    async def run(self) -> None:
        """Follow until cancelled."""
        self._failures, self.trouble = 0, ""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001 - a tail that ended in silence would look like a quiet fleet
                self._failures += 1
                self.trouble = f"{self._source.name} cannot be followed: {_told(error)}"
                self._deliver(())
            share = self._jitter() if self._failures else 1.0
            await self._sleep(backoff_secs(self._failures + 1, BASE_SECS, MAX_SECS, share))

    async def _follow(self) -> None:
        lines, self._cursor = await self._source.catch_up(self._cursor)
        self._deliver(lines)
        async with self._asks.watch(self._source.path, self._cursor) as events:
            self._failures, self.trouble, self.is_open = 0, "", True
            self.was_read = self.was_read or self._source.begins_empty
            self._deliver(())
            try:
                async for event in events:
                    if not self._hear(event):
                        return
            finally:
                self.is_open = False

    def _hear(self, event: Event) -> bool:
        """Handle an event; return False when the daemon ends the stream with it."""
        data: Any = event.data if isinstance(event.data, dict) else {}
        if event.name == "error":
            if data.get("code") == "lagged":
                words = f"too slow: {self._source.name} again from #{self._cursor}"
            else:
                reason = data.get("message", "it gave no reason")
                words = f"the daemon ended the stream of {self._source.name}: {reason}"
            self._deliver([self._note(words)])
            return False
        if event.name == "server_shutdown":
            return False
        try:
            line = self._source.read(event)
        except (SyncropelError, ValueError, TypeError, KeyError):
            line = self._note(f"something else than {self._source.name} came: is the daemon of this version?")
        if event.id:
            self._cursor = event.id
        self.was_read = True
        if line is not None:
            self._deliver([line])
        return True


def _told(error: Exception) -> str:
    if isinstance(error, SyncropelError):
        return f"{error.message} → {error.hint}" if error.hint else error.message
    return f"unexpected {type(error).__name__}: {error}"
