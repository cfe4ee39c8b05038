"""Reads what an attempt changed, page by page, as far as there is room for it. No Textual here."""

from __future__ import annotations

import asyncio
import codecs
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from syncropel.client import Call, output_calls
from syncropel.client.patch import Patch
from syncropel.errors import RemoteError, SyncropelError
from tui.connection.coalescing_poller import CoalescingPoller
from tui.model.text import is_altered

if TYPE_CHECKING:
    from syncropel.client.calls import Answer

PAGE_BYTES: Final = 256 * 1024
MOST_BYTES: Final = 4 * 1024 * 1024
MOST_LINES: Final = 20_000
PIECE: Final = 250
"""Lines that are read between two turns of the event loop: a few milliseconds."""
_TRIES: Final = 3
_GONE: Final = 404


class Asks(Protocol):
    """The part of a session that it needs."""

    async def send(self, call: Call[Answer]) -> Answer: ...


class PatchReader:
    """The patch of one attempt, read when asked for.

    `state` and `commit` are those of the attempt when reading began. A first reading shows as it goes on; a
    later one replaces the former when it is complete.
    """

    def __init__(
        self,
        asks: Asks,
        place: tuple[str, int, int],
        on_news: Callable[[], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._asks, self._place, self._on_news = asks, place, on_news
        self.state = self.commit = ""
        self.patch = Patch()
        self.trouble: SyncropelError | None = None
        """Why it is not known, or not any more."""
        self.size, self.taken = 0, 0
        """Bytes of it, and how many of them were read."""
        self.left_out = 0
        """Lines that were read and for which there was no room."""
        self.is_read = self.is_current = False
        """Whether it was read, to its end or as far as there is room; and since it was asked for last."""
        self.worker = ""
        self._poller = CoalescingPoller(self._read, self._failed, sleep=sleep, jitter=jitter)

    async def run(self) -> None:
        """Read until cancelled."""
        await self._poller.run()

    def ask(self, state: str, commit: str) -> None:
        """Read it, or read it again: its attempt is in this state and has left this commit."""
        self.state, self.commit, self.is_current = state, commit, False
        self._poller.ask()

    @property
    def is_whole(self) -> bool:
        return self.is_read and self.taken >= self.size and not self.left_out

    async def _read(self) -> None:
        try:
            for _ in range(_TRIES):
                state, commit = self.state, self.commit
                if await self._read_once():
                    self.trouble, self.is_current = None, (state, commit) == (self.state, self.commit)
                    return
        except RemoteError as error:
            if error.status != _GONE:
                raise
            self._failed(error)  # it will not come back by asking again
            return
        finally:
            self._on_news()
        raise SyncropelError("it changes while it is read", "wait until the attempt has ended")

    def _failed(self, error: SyncropelError) -> None:
        self.trouble = error
        self._on_news()

    async def _read_once(self) -> bool:
        """Read it from its start; False when it has become another one meanwhile."""
        patch = Patch(is_altered)
        if not self.is_read:
            self.patch = patch
        decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        offset, size, left_out, rest = 0, None, 0, ""
        task, index, attempt = self._place
        while True:
            call = output_calls.diff(task, index, attempt=attempt, offset=offset, limit=PAGE_BYTES)
            page = await self._asks.send(call)
            if size not in (None, page.size):
                return False
            size, is_last = page.size, page.next_offset >= page.size or page.next_offset <= offset
            offset = page.next_offset
            *lines, rest = (rest + decode(output_calls.data(page), is_last)).split("\n")
            if is_last and rest:
                lines.append(rest)
            left_out = await self._take(patch, lines)
            if not self.is_read:
                self.size, self.taken = size, offset
                self._on_news()
            if is_last or left_out or offset >= MOST_BYTES:
                break
        patch.finish()
        taken = offset if is_last else offset - len(rest.encode())  # half a line is not shown
        self.patch, self.size, self.taken, self.left_out = patch, size, taken, left_out
        self.worker, self.is_read = page.alias, True
        return True

    async def _take(self, patch: Patch, lines: list[str]) -> int:
        """Add lines piece by piece; return for how many there was no room."""
        for at in range(0, len(lines), PIECE):
            if (room := MOST_LINES - len(patch.lines)) <= 0:
                return len(lines) - at
            patch.take(lines[at : at + min(PIECE, room)])
            await asyncio.sleep(0)
            if room < min(PIECE, len(lines) - at):
                return len(lines) - at - room
        return 0
