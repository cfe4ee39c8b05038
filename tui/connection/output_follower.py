"""Follows a subtask's output for a screen: from its last lines, or a bounded part from the start.

No Textual here. A failed read becomes a message and another try.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from syncropel import client
from syncropel import wire as schema
from syncropel.backoff import backoff_secs
from syncropel.client import Call, Event, output_calls, output_text
from syncropel.errors import SyncropelError
from tui.model.output import OutputRing
from tui.model.text import count

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from syncropel.client.calls import Answer
    from syncropel.wire import OutputPage

LAST_LINES: Final = 1000
"""Lines loaded from before the screen was opened."""
PAGE_BYTES: Final = 256 * 1024
BEHIND_BYTES: Final = 4 * PAGE_BYTES
"""When it falls this far behind, skip to the last lines."""
BASE_SECS: Final = 0.5
MAX_SECS: Final = 5.0


class Asks(Protocol):
    """The part of a session that it needs."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...

    async def send(self, call: Call[Answer]) -> Answer: ...


class OutputFollower:
    """One subtask's output, read while `run` runs. `on_news` is called when there is something
    new to show."""

    def __init__(
        self,
        asks: Asks,
        task: str,
        index: int,
        on_news: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        last: int = LAST_LINES,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._asks, self._on_news, self._sleep, self._jitter = asks, on_news, sleep, jitter
        self._task, self._index, self._last = task, index, last
        self.ring = OutputRing()
        self.page: OutputPage | None = None
        """The state of the attempt, as of the last read."""
        self.trouble = ""
        """Why reading has stopped, in words; empty while it works."""
        self.from_start = self.is_cut = False
        """`is_cut`: it was read from the start, and there is more than fits."""
        self.begun = 0
        """How often reading was restarted: lines shown before a restart no longer count."""
        self._lines = output_text.reader("text")
        self._again = asyncio.Event()
        self._failures = 0

    def begin(self, *, from_start: bool = False) -> None:
        """Start over: with the last lines and what follows, or from the start for as long as
        there is room."""
        self.from_start = from_start
        self._forget()
        self._again.set()

    def keep_up(self, attempt: int) -> None:
        """A newer attempt is current: switch to it once the one being read has ended."""
        if self.page is not None and self.page.ended and attempt > self.page.attempt:
            self.begin()

    def _forget(self) -> None:
        self.ring.clear()
        self.is_cut = False
        self.page, self.trouble, self.begun = None, "", self.begun + 1
        self._lines = output_text.reader("text")

    async def run(self) -> None:
        """Read until cancelled. An ended attempt is read once, until the next `begin`."""
        while True:
            self._again.clear()
            reading = asyncio.ensure_future(self._reading())
            again = asyncio.ensure_future(self._again.wait())
            try:
                await asyncio.wait({reading, again}, return_when=asyncio.FIRST_COMPLETED)
                await again
            finally:
                reading.cancel()
                again.cancel()

    async def _reading(self) -> None:
        while True:
            try:
                await (self._read_on() if self.from_start else self._follow())
                if self.from_start or (self.page is not None and output_calls.is_whole(self.page)):
                    return
            except Exception as error:  # noqa: BLE001 - a pane that stood still in silence would look like a quiet goal
                self._failures += 1
                self.trouble = _told(error)
                self._on_news()
            share = self._jitter() if self._failures else 1.0
            await self._sleep(backoff_secs(self._failures + 1, BASE_SECS, MAX_SECS, share))

    async def _follow(self) -> None:
        known = self.page
        path = output_calls.output_follow(
            self._task,
            self._index,
            attempt=known.attempt if known else None,
            offset=known.next_offset if known else 0,
            tail=None if known else self._last,
        )
        async with self._asks.watch(path) as events:
            async for event in events:
                data: Any = event.data if isinstance(event.data, dict) else {}
                if event.name == "output":
                    page = client.reading.document(schema.OutputPage, data)
                    self._take(page)
                    if output_calls.is_whole(page) or self._is_behind():
                        return
                elif event.name in ("output.lost", "error"):
                    self.trouble = str(data.get("message"))
                    self._on_news()
                    if event.name == "error":
                        self._failures += 1
                        return

    async def _read_on(self) -> None:
        """Read from the start, as much as fits."""
        while self.page is None or (self.page.next_offset < self.page.size and not self.is_cut):
            known = self.page
            page = await self._asks.send(
                output_calls.output(
                    self._task,
                    self._index,
                    attempt=known.attempt if known else None,
                    offset=known.next_offset if known else 0,
                    limit=PAGE_BYTES,
                )
            )
            self._take(page)
            if not page.data:
                return

    def _take(self, page: OutputPage) -> None:
        self._failures, self.trouble = 0, ""
        before, self.page = self.page, page
        if before is None or before.format != page.format:
            self._lines = output_text.reader(page.format)
        if before is None and page.offset > 0:
            self.ring.add([f"… {count(page.offset)}B before this: o opens it from the start"])
        lines = self._lines.add(output_calls.data(page))
        if output_calls.is_whole(page):
            lines += self._lines.finish()
        if self.from_start:
            self.is_cut = not self.ring.fill(lines)
        else:
            self.ring.add(lines)
        self._on_news()

    def _is_behind(self) -> bool:
        """Whether more was written than can be shown; then continue with the last lines."""
        page = self.page
        if page is None or page.size - page.next_offset <= BEHIND_BYTES:
            return False
        self._forget()
        return True


def _told(error: Exception) -> str:
    if isinstance(error, SyncropelError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}"
