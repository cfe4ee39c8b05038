"""Reads a subtask's attempts, and the diffs of those that are looked at. No Textual here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from syncropel.client import review_calls
from tui.connection.coalescing_poller import CoalescingPoller
from tui.connection.patch_reader import PatchReader
from tui.model import review

if TYPE_CHECKING:
    from syncropel.errors import SyncropelError
    from syncropel.wire import AttemptList, AttemptOut
    from tui.connection.session import Session


class ReviewReader:
    """The attempts at one subtask, read while `run` runs. `on_news` is called when something is new."""

    def __init__(self, session: Session, thread: str, index: int, on_news: Callable[[], None]) -> None:
        self._session, self._thread, self._index, self._on_news = session, thread, index, on_news
        self.known: AttemptList | None = None
        self.trouble: SyncropelError | None = None
        """Why the attempts are not known, or not any more."""
        self.number: int | None = None
        """The attempt that is looked at, once one is chosen."""
        self.other: int | None = None
        """The attempt that it is compared with."""
        self._patches: dict[int, PatchReader] = {}
        self._turned = asyncio.Event()
        outside = session.outside
        self._poller = CoalescingPoller(self._read, self._unread, sleep=outside.sleep, jitter=outside.jitter)

    async def run(self) -> None:
        """Read until cancelled: the attempts when asked to, and the diffs of those that are looked at."""
        self.ask()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poller.run())
            while True:
                self._turned.clear()
                wanted = [one for one in (self.number, self.other) if one is not None]
                readings = [group.create_task(self._reader(one).run()) for one in wanted]
                await self._turned.wait()
                for one in readings:
                    one.cancel()

    def ask(self) -> None:
        """Read the attempts: they may have changed."""
        self._poller.ask()

    def ask_patch(self) -> None:
        """Read the diff that is looked at once more."""
        if self.number in self._patches:
            self._ask_patch(self.number)

    def look_at(self, number: int, other: int | None) -> None:
        """Look at this attempt, beside another one or not."""
        self.number, self.other = number, None if other == number else other
        self._turned.set()
        self._on_news()

    @property
    def numbers(self) -> list[int]:
        """The attempts that there are."""
        return [one.attempt for one in self.known.data] if self.known is not None else []

    @property
    def attempt(self) -> AttemptOut | None:
        """The attempt that is looked at."""
        return review.attempt_of(self.known, self.number) if self.number is not None else None

    def patch_of(self, number: int | None) -> PatchReader | None:
        """The diff of an attempt; None before it is read."""
        return self._patches.get(number) if number is not None else None

    async def _read(self) -> None:
        self.known = await self._session.send(review_calls.attempts(self._thread, self._index))
        self.trouble = None
        if self.number is None and self.known.data:
            self.number = review.first_shown(self.known)
            self._turned.set()
        for number, reader in self._patches.items():
            if review.has_moved(self.known, number, reader.state, reader.commit):
                self._ask_patch(number)
        self._on_news()

    def _unread(self, error: SyncropelError) -> None:
        self.trouble = error
        self._on_news()

    def _reader(self, number: int) -> PatchReader:
        if number not in self._patches:
            outside, place = self._session.outside, (self._thread, self._index, number)
            reader = PatchReader(self._session, place, self._on_news, outside.sleep, outside.jitter)
            self._patches[number] = reader
            self._ask_patch(number)
        return self._patches[number]

    def _ask_patch(self, number: int) -> None:
        one = review.attempt_of(self.known, number)
        self._patches[number].ask(one.state if one else "", review.commit_of(one))
