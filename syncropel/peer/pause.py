"""A wait that can be cut short."""

from __future__ import annotations

import asyncio

from syncropel.peer.runtime import Runtime


class Pause:
    """Sleeps between two tries; `cut` says that the next may come now, even when nobody is sleeping yet."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._cut = asyncio.Event()

    def cut(self) -> None:
        """End the present wait, or the next one."""
        self._cut.set()

    def forget(self) -> None:
        """Discard an earlier `cut`."""
        self._cut.clear()

    async def wait(self, secs: float) -> None:
        """Wait this long, or until it is cut short."""
        sleeping = asyncio.ensure_future(self._runtime.sleep(secs))
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({sleeping, cut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            cut.cancel()
            self._cut.clear()
