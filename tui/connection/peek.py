"""Reads the last records of the thread that the cursor rests on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from syncropel.client import thread_calls
from tui.connection.coalescing_poller import CoalescingPoller
from tui.connection.session import Session
from tui.model import peek

if TYPE_CHECKING:
    from syncropel.errors import SyncropelError
    from syncropel.wire import ThreadSummary
    from syncropel.wire.replay import ReplayPage


class Peek:
    """One thread at a time. Threads that the cursor only passes over are not requested."""

    def __init__(self, session: Session, on_news: Callable[[], None]) -> None:
        self._session, self._on_news = session, on_news
        self._wanted: ThreadSummary | None = None
        self.page: ReplayPage | None = None
        self._poller = CoalescingPoller(
            self._read, self._unread, sleep=session.outside.sleep, jitter=session.outside.jitter
        )

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._poller.run()

    def look(self, thread: ThreadSummary) -> None:
        """The cursor is on this thread, which has this state."""
        if thread != self._wanted:
            self._wanted = thread
            self._poller.ask()

    async def _read(self) -> None:
        if (one := self._wanted) is not None:
            call = thread_calls.replay(one.id, since=peek.since_of(one), limit=peek.LAST)
            self.page = await self._session.send(call)
            self._on_news()

    def _unread(self, error: SyncropelError) -> None:
        """The list already shows the problem; this is asked again."""
