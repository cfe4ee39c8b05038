"""Writes the lineage shortly after the commits that it describes, so that no append waits for it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from syncropel.store.lineage.keeper import LAG_SECS, LineageKeeper


class LineageWriter:
    """For one keeper, on the event loop; the write itself runs on another thread."""

    def __init__(self, keeper: LineageKeeper) -> None:
        self.keeper = keeper
        self._task: asyncio.Task[None] | None = None
        self._waits = False
        self._closing = asyncio.Event()

    def soon(self) -> None:
        """Schedule a write, unless one is scheduled or there is nothing to write."""
        if self._waits or not self.keeper.dirty:
            return
        self._waits = True
        self._task = asyncio.get_running_loop().create_task(self._later(self._task), name="store-lineage")

    async def written(self) -> None:
        """Wait for a scheduled write."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def finish(self) -> None:
        """Write everything known to both places, for the last time."""
        self._closing.set()
        await self.written()
        await self.write(everywhere=True)

    async def write(self, *, everywhere: bool) -> None:
        """Write now; `everywhere`: including the file with the backups."""
        await asyncio.to_thread(self.keeper.write, time.monotonic(), everywhere=everywhere)

    async def _later(self, before: asyncio.Task[None] | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LAG_SECS):
                await self._closing.wait()
        self._waits = False  # a commit from now on schedules another write
        if before is not None:
            await asyncio.wait([before])
        await self.write(everywhere=False)
