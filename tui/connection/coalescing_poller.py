"""Reads again what the stream only announces: coalesced, never overlapping, at a limited rate."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from syncropel.backoff import backoff_secs
from syncropel.errors import SyncropelError

GAP_SECS: Final = 0.5
MAX_SECS: Final = 5.0


class CoalescingPoller:
    """Runs `fetch` once for any number of `ask` calls, at most once every `gap` seconds.

    A failure is reported and retried with growing delays.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[None]],
        on_error: Callable[[SyncropelError], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        gap: float = GAP_SECS,
    ) -> None:
        self._gap, self._jitter = gap, jitter
        self._fetch, self._on_error, self._sleep = fetch, on_error, sleep
        self._wanted = asyncio.Event()
        self._failures = 0

    def ask(self) -> None:
        """Note that something has changed."""
        self._wanted.set()

    async def run(self) -> None:
        """Serve asks until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._fetch()
            except asyncio.CancelledError:
                self._wanted.set()  # the next run still has to fetch it
                raise
            except Exception as error:  # noqa: BLE001 - a worker that ended in silence would freeze the tasks
                self._failures += 1
                self._on_error(_told(error))
                self._wanted.set()
            else:
                self._failures = 0
            pause = self._gap
            if self._failures:
                pause = backoff_secs(self._failures + 1, GAP_SECS, MAX_SECS, self._jitter())
            await self._sleep(min(MAX_SECS, pause))


def _told(error: Exception) -> SyncropelError:
    if isinstance(error, SyncropelError):
        return error
    return SyncropelError(f"unexpected: {type(error).__name__}: {error}", "if it stays, please report it")
