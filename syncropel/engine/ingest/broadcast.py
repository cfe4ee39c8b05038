"""Sends new records to watchers: bounded, and never waiting for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from syncropel.record.model import StoredRecord

WATCHER_CAPACITY: Final = 10_000
"""How many records a watcher may be behind before it is dropped."""


class Watcher:
    """One listener. `lagged`: it was too slow and misses records from now on; `closed`: the daemon stops."""

    def __init__(self, wants: Callable[[StoredRecord], bool], capacity: int) -> None:
        self._wants = wants
        self._capacity = capacity
        self._queue: deque[StoredRecord] = deque()
        self._wake = asyncio.Event()
        self.lagged = False
        self.closed = False

    def offer(self, records: Sequence[StoredRecord]) -> None:
        if self.lagged or self.closed:
            return
        self._queue.extend(stored for stored in records if self._wants(stored))
        if len(self._queue) > self._capacity:
            self.lagged = True
            self._queue.clear()
        self._wake.set()

    def close(self) -> None:
        self.closed = True
        self._wake.set()

    async def take(self) -> list[StoredRecord]:
        """Everything that has arrived, waiting for the first; empty when lagged or closed."""
        while not (self._queue or self.lagged or self.closed):
            self._wake.clear()
            await self._wake.wait()
        taken = list(self._queue)
        self._queue.clear()
        return taken


class Broadcast:
    """All watchers of one daemon."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()

    def __len__(self) -> int:
        return len(self._watchers)

    def watch(
        self, wants: Callable[[StoredRecord], bool] = lambda _: True, capacity: int = WATCHER_CAPACITY
    ) -> Watcher:
        """Start listening; end it with `forget`."""
        watcher = Watcher(wants, capacity)
        self._watchers.add(watcher)
        return watcher

    def forget(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def publish(self, records: Sequence[StoredRecord]) -> None:
        for watcher in self._watchers:
            watcher.offer(records)

    def close(self) -> None:
        """Tell every watcher that the daemon stops."""
        for watcher in self._watchers:
            watcher.close()


class ChangeSignal:
    """A counter that can be awaited: one `beat` wakes everyone who has not seen it."""

    def __init__(self) -> None:
        self.count = 0
        self._waiters: set[asyncio.Future[None]] = set()

    def beat(self) -> None:
        self.count += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def after(self, seen: int) -> int:
        """Wait until the count exceeds `seen`; return the count."""
        while self.count <= seen:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return self.count
