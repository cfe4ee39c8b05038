"""Threads to be examined: each once however often it is marked, without waiting for another's slow
expression.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextvars import copy_context

from syncropel.errors import SyncropelError
from syncropel.policy.lanes import left_the_loop

log = logging.getLogger("syncropel.engine.pending_threads")


class PendingThreads:
    """Examines marked threads one after the other, with `look`. One that waits for an expression off the
    event loop waits by itself, and is never examined twice at once. `monotonic`: the clock that ages are
    measured by.
    """

    def __init__(self, look: Callable[[str], Awaitable[None]], monotonic: Callable[[], float]) -> None:
        self._look = look
        self._monotonic = monotonic
        self._dirty: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self.total = 0
        self.errors = 0
        """Examinations that failed; each is made again."""

    def __len__(self) -> int:
        return len(self._dirty) + len(self._looking)

    def mark(self, thread: str) -> None:
        """Examine this thread soon."""
        if thread not in self._dirty:
            self._dirty[thread] = self._monotonic()
        self._wake.set()

    def marked(self) -> set[str]:
        """The threads that wait to be examined, or are being examined."""
        return {*self._dirty, *self._looking}

    def waiting(self) -> Iterator[tuple[str, float]]:
        """The marked threads, each with the time of its first mark since it was last examined."""
        yield from self._dirty.items()

    def looking(self) -> Iterator[tuple[str, float]]:
        """The threads that are being examined, each with the time when that began."""
        yield from self._since.items()

    async def run(self) -> None:
        """Examine marked threads, for ever."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._through()
        finally:
            for task in self._looking.values():
                task.cancel()
            await asyncio.gather(*self._looking.values(), return_exceptions=True)

    async def drain(self) -> None:
        """Examine until nothing is marked, and no examination is under way."""
        while self._dirty or self._looking:
            await self._through()
            if self._looking:
                await asyncio.wait(self._looking.values(), return_when=asyncio.FIRST_COMPLETED)

    async def _through(self) -> None:
        while thread := next((one for one in self._dirty if one not in self._looking), None):
            del self._dirty[thread]
            await self._begin(thread)

    async def _begin(self, thread: str) -> None:
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        context = copy_context()
        context.run(left_the_loop.set, left)
        task = asyncio.create_task(self._guarded(thread), context=context, name=f"look at {thread}")
        self._looking[thread], self._since[thread] = task, self._monotonic()
        task.add_done_callback(lambda _: self._came_back(thread))
        await asyncio.wait((task, left), return_when=asyncio.FIRST_COMPLETED)

    def _came_back(self, thread: str) -> None:
        self._looking.pop(thread, None)
        self._since.pop(thread, None)
        if thread in self._dirty:
            self._wake.set()

    async def _guarded(self, thread: str) -> None:
        try:
            await self._look(thread)
        except SyncropelError as error:
            self.errors += 1
            log.error("cannot reconcile: %s", error.message, extra={"thread_id": thread})
        except Exception:
            # One thread that cannot be decided must not stop the others; the slow sweep tries it again.
            self.errors += 1
            log.exception("cannot reconcile", extra={"thread_id": thread})
        self.total += 1
