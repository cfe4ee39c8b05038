"""Growing output for any number of followers: one poller serves all of them.

A follower takes one piece at a time, whenever it likes, so a slow one costs no more than that piece.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from syncropel.engine.ingest.broadcast import ChangeSignal
from syncropel.engine.output.local import LONGEST_CHARACTER, MAX_BYTES, Wanted
from syncropel.errors import Crowded, OutputUnreachable, SyncropelError
from syncropel.peer.runtime import Runtime
from syncropel.wire import OutputPage

Read = Callable[[Wanted], Awaitable[OutputPage]]
FIRST_LOOK_SECS: Final = 0.2
LONGEST_LOOK_SECS: Final = 1.0
"""Longest delay between two polls: it doubles while nothing arrives."""
PIECE_BYTES: Final = MAX_BYTES // 4
MAX_FOLLOWERS: Final = 256
_SHARED_PIECES: Final = 4
_NOTHING: Final = Wanted(0, 0)
"""Its answer contains only the size and the state."""


class _Growth:
    """What is known of one output, and pieces that several followers read at once."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.followers = 0
        self.changed = ChangeSignal()
        self.head: OutputPage | None = None
        self.problem: SyncropelError | None = None
        self.closed = False
        self._pieces: OrderedDict[Hashable, asyncio.Future[OutputPage]] = OrderedDict()

    async def look(self) -> bool:
        """Poll its size and state once; return whether anything is new."""
        head, problem = self.head, None
        try:
            head = await self._read(_NOTHING)
        except SyncropelError as error:
            problem = error
        before = (self.head, self.problem and self.problem.code)
        self.head, self.problem = head, problem
        return before != (head, problem and problem.code)

    async def piece(self, offset: int, head: OutputPage) -> OutputPage:
        """The piece from this offset, of the output as of the last poll."""
        key = (offset, head.size, head.ended)
        known = self._pieces.get(key)
        if known is None:
            known = asyncio.ensure_future(self._read(Wanted(offset, PIECE_BYTES)))
            self._pieces[key] = known
            known.add_done_callback(_retrieve)
            if len(self._pieces) > _SHARED_PIECES:
                self._pieces.popitem(last=False)
        try:
            return await asyncio.shield(known)
        except OutputUnreachable as error:
            self._pieces.pop(key, None)
            self.problem = error  # so that the next poll is news
            self.changed.beat()
            raise


def _retrieve(piece: asyncio.Future[OutputPage]) -> None:
    """Nobody may be left who waits for it."""
    if not piece.cancelled():
        piece.exception()


class Following:
    """Follows outputs. `spawn` runs a loop in the background."""

    def __init__(self, runtime: Runtime, spawn: Callable[..., asyncio.Task[None]]) -> None:
        self._runtime = runtime
        self._spawn = spawn
        self._growing: dict[Hashable, _Growth] = {}

    @property
    def followers(self) -> int:
        """How many followers there are now."""
        return sum(growth.followers for growth in self._growing.values())

    def admit(self) -> None:
        """Raises Crowded when one more would be too many."""
        if self.followers >= MAX_FOLLOWERS:
            raise Crowded(
                f"{MAX_FOLLOWERS} connections follow output already",
                "read it without following, or try again when some have ended",
            )

    def follow(self, key: Hashable, read: Read, last: OutputPage) -> Follower:
        """Follow from the last page that was read; the caller closes it. `key`: the same for all that follow
        the same attempt.
        """
        growth = self._growing.get(key)
        if growth is None:
            growth = self._growing[key] = _Growth(read)
            self._spawn(self._look(key, growth), "output")
        return Follower(growth, last)

    async def _look(self, key: Hashable, growth: _Growth) -> None:
        wait = FIRST_LOOK_SECS
        try:
            while growth.followers:
                if await growth.look():
                    growth.changed.beat()
                    wait = FIRST_LOOK_SECS
                await self._runtime.sleep(wait)
                wait = min(wait * 2, LONGEST_LOOK_SECS)
        finally:
            growth.closed = True
            growth.changed.beat()
            if self._growing.get(key) is growth:
                del self._growing[key]


class Follower:
    """One follower. Only the piece that it waits for is read for it."""

    def __init__(self, growth: _Growth, last: OutputPage) -> None:
        self._growth = growth
        self._last = last
        self._seen = -1
        self._lost = self._has_more = False
        growth.followers += 1

    def close(self) -> None:
        """Stop following."""
        self._growth.followers -= 1

    async def next(self) -> OutputPage | OutputUnreachable | None:
        """Wait for the next piece; None after the last one.

        An OutputUnreachable is not the end while the attempt runs: it is raised once, and the next piece
        shows that it is over. Any other error is the end.
        """
        growth = self._growth
        while not (growth.closed or is_whole(self._last)):
            if not self._has_more and growth.changed.count <= self._seen:
                await growth.changed.after(self._seen)
            self._seen = growth.changed.count
            try:
                if (page := await self._look()) is not None:
                    return page
            except OutputUnreachable as error:
                if error.over:
                    raise
                self._has_more = False
                if not self._lost:
                    self._lost = True
                    return error
        return None

    async def _look(self) -> OutputPage | None:
        """The next piece, if it contains anything new."""
        growth, last = self._growth, self._last
        if growth.problem is not None:
            raise growth.problem
        if growth.head is None:
            return None
        page = await growth.piece(last.next_offset, growth.head)
        before, self._lost = self._lost, False
        self._last = page
        moved = page.next_offset != last.next_offset
        # A piece that leads nowhere is not requested again before something is new: it would be the same.
        self._has_more = moved and _is_cut(page)
        is_news = moved or (page.state, page.ended) != (last.state, last.ended)
        return page if is_news or before else None


def _is_cut(page: OutputPage) -> bool:
    """Whether there was more than fits one piece; half a character alone is not worth another one."""
    return page.size - page.next_offset >= LONGEST_CHARACTER


def is_whole(page: OutputPage) -> bool:
    """Whether nothing can follow this page."""
    return page.ended and page.next_offset >= page.size
