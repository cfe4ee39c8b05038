"""A lock for many at once, or for one alone."""

from __future__ import annotations

import asyncio
from collections import deque


class SharedLock:
    """Ordinary entrants share; one who wants to be alone waits until all inside have left, and nobody enters
    meanwhile. Leaving may happen in another task than entering.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._closed = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._empty: asyncio.Future[None] | None = None

    async def enter(self) -> None:
        """Enter together with others."""
        while self._closed:
            await self._wait()
        self._inside += 1

    def leave(self) -> None:
        self._inside -= 1
        if self._inside == 0 and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    @property
    def wanted(self) -> bool:
        """Whether a control record waits for its turn, or has it."""
        return self._closed

    async def alone(self) -> None:
        """Enter when nobody else is inside; everyone after waits."""
        while self._closed:
            await self._wait()
        self._closed = True
        if self._inside:
            self._empty = asyncio.get_running_loop().create_future()
            try:
                await self._empty
            except asyncio.CancelledError:
                self.leave_alone()
                raise
            finally:
                self._empty = None

    def leave_alone(self) -> None:
        self._closed = False
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        await waiter
