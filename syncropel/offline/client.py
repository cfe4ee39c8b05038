"""A bundle looked at without any daemon, through the same client and the same HTTP API.

    client = await OfflineClient.open(Path("incident.snap.jsonl"), progress)
    tasks = await client.send(calls.tasks())
    async with client.watch("/v1/fleet/watch") as events: ...
    await client.close()

`OfflineClient` is an `AsyncClient`: `send`, `watch` and `close` do what they do for a daemon. The records of
the file are checked one by one and folded on a thread of its own; a file of 100,000 records takes some
seconds, and `progress` hears how far it is, from 0 to 1. What is asked is answered on that thread too: the
caller's event loop is never held up.

Nothing can be changed: every write answers RemoteError with the code READ_ONLY. Time stands still at the last
record, `client.as_of` (unix seconds), so that ages and graces read as they did then; instances have the
status that the log last gave them, since nobody beats any more. `client.records` and `client.threads` count
what the file holds, `client.path` is the file.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syncropel.client.async_transport import AsyncClient
from syncropel.client.target import Target
from syncropel.offline.in_process import InProcessTransport, LoopThread

if TYPE_CHECKING:
    from syncropel.offline.opening import Opened

Progress = Callable[[float], None]


class OfflineClient(AsyncClient):
    """A client over a bundle. Open it with `OfflineClient.open`, and close it at the end."""

    def __init__(self, path: Path, opened: Opened, thread: LoopThread) -> None:
        transport = InProcessTransport(opened.app, thread)
        super().__init__(Target(url="http://bundle", home=str(path)), transport=transport)
        self.path = path
        self.as_of = opened.as_of
        self.records = opened.records
        self.threads = opened.threads
        self._thread = thread

    @classmethod
    async def open(cls, path: Path, progress: Progress = lambda _: None) -> OfflineClient:
        """Read, check, and fold the file. `progress` is called on the caller's event loop.

        Raises NotFound when there is no such file, SetupError when it cannot be read, InvalidBundle with the
        line when it is not a bundle, or was truncated or altered.
        """
        loop = asyncio.get_running_loop()
        thread = LoopThread("bundle")

        def note(share: float) -> None:
            with suppress(RuntimeError):  # the caller's loop is gone
                loop.call_soon_threadsafe(progress, share)

        stop = asyncio.Event()

        async def work() -> Opened:
            # Imported on the other thread: the import alone takes longer than a screen may freeze.
            from syncropel.offline.opening import Opening

            return await Opening(path, note, stop.is_set).run()

        try:
            return cls(path, await thread.run(work()), thread)
        except BaseException:
            stop.set()
            await thread.close()
            raise

    async def close(self) -> None:
        """Release the file's records. Safe to call twice."""
        await super().close()
        await self._thread.close()
        gc.unfreeze()
