"""Reads a thread for its replay: windows of frames around the current position, and the state there.

No Textual here. An answer that arrives late is stored under its own position, and never moves the current
one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from syncropel.client import Call, thread_calls
from syncropel.errors import SyncropelError
from tui.connection.coalescing_poller import CoalescingPoller
from tui.model.frames import WINDOW, Frames
from tui.model.turns import Turns

if TYPE_CHECKING:
    from syncropel.client.calls import Answer
    from syncropel.wire import ThreadSummary
    from syncropel.wire.replay import ReplayMoment

GAP_SECS: Final = 0.05


class Asks(Protocol):
    """The part of a session that the reader needs."""

    async def send(self, call: Call[Answer]) -> Answer: ...


class ReplayReader:
    """One thread. `position` is 0 until the number of records is known; `on_news` is called when there is
    something new to show.
    """

    def __init__(
        self,
        asks: Asks,
        thread: str,
        on_news: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]],
        position: int | None = None,
    ) -> None:
        self.thread, self.frames = thread, Frames()
        self.summary: ThreadSummary | None = None
        self.turns = Turns()
        self.moment: ReplayMoment | None = None
        self.trouble = ""
        self.position = 0
        self.sees_state = False
        """Whether the whole state at a position is needed, not only the frame."""
        self._first, self._way, self._due = position, 0, True
        self._asks, self._on_news = asks, on_news
        self._poller = CoalescingPoller(self._read, self._unread, sleep=sleep, gap=GAP_SECS)
        self._poller.ask()

    async def run(self) -> None:
        """Read what is needed until cancelled."""
        await self._poller.run()

    def let_go(self) -> None:
        """Nobody is looking any more: drop all records, so that none of them waits for the collector."""
        self.frames, self.turns, self.moment = Frames(), Turns(), None

    # the current position

    def seek(self, position: int) -> bool:
        """Go to this position, or the nearest one that exists; return whether that is another one."""
        position = max(min(position, self.frames.total), min(1, self.frames.total))
        if position == self.position:
            return False
        self._way = 1 if position > self.position else -1
        self.position = position
        self._poller.ask()
        return True

    def look(self) -> None:
        """There may be more records."""
        self._due = True
        self._poller.ask()

    def see_state(self, wanted: bool) -> None:
        """Set whether the whole state at each position is needed."""
        self.sees_state = wanted
        self._poller.ask()

    # reading

    async def _read(self) -> None:
        if self._due:
            self._due = False
            try:
                await self._count()
            except SyncropelError:
                self._due = True
                raise
        await self._window(self.position)
        if self.sees_state and not self._has_state():
            wanted = self.position
            moment = await self._asks.send(thread_calls.replay_at(self.thread, wanted))
            if wanted == self.position:
                self.moment = moment
                self._news()
        await self._window(self.position, self._way)

    def _has_state(self) -> bool:
        return self.moment is not None and self.moment.position == self.position

    async def _count(self) -> None:
        """Fetch the number of records, and where the status changes."""
        told = await self._asks.send(thread_calls.status_changes(self.thread))
        before, at_end = self.frames.total, self.position == self.frames.total
        grown = told.total != before
        self.summary, self.turns = told.thread, Turns(told.data)
        if grown and before:
            await self._append(before)
        self.frames.grow(told.total)
        if not before:
            self.position = min(self._first or told.total, told.total)
        elif grown:
            self.moment = None
            if at_end:
                self.position = told.total
        self._news()

    async def _append(self, before: int) -> None:
        """Keep the new records if they only add to the end: a late record can belong in the middle."""
        last = self.frames.at(before)
        page = await self._asks.send(thread_calls.replay(self.thread, since=before - 1, limit=WINDOW))
        if last is None or not page.data or page.data[0].record.id != last.record.id:
            self.frames.forget()
        self.frames.grow(page.total)
        self.frames.take(page.data)

    async def _window(self, position: int, way: int = 0) -> None:
        while (since := self.frames.missing(position, way)) is not None and position:
            limit = WINDOW - since % WINDOW
            page = await self._asks.send(thread_calls.replay(self.thread, since=since, limit=limit))
            if not any(one.position == since + 1 for one in page.data):
                self._due = True  # there are fewer than announced: count again next time
                return
            self.frames.take(page.data)
            self._news()
            position = self.position

    def _unread(self, error: SyncropelError) -> None:
        hint = f" → {error.hint}" if error.hint else ""
        self.trouble = f"{error.message}{hint}"
        self._on_news()

    def _news(self) -> None:
        self.trouble = ""
        self._on_news()
