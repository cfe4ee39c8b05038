"""A TCP proxy that can die without anybody noticing: connections stay open, and nothing goes through."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards a free port of this machine to another one. Any thread may `hold` and `heal` it."""

    def __init__(self, to: int) -> None:
        self.port = 0
        self._to = to
        self._open = asyncio.Event()
        self._open.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hold(self) -> None:
        """From now on nothing goes through, in either direction; new connections are accepted and wait."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def heal(self) -> None:
        self._loop.call_soon_threadsafe(self._open.set)

    async def _serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            with contextlib.closing(back):
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        writer.close()
        self._pumps.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@contextmanager
def proxy(to: int) -> Iterator[Proxy]:
    """A proxy on a thread of its own, gone at the end."""
    made, ready, stop = Proxy(to), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=made._loop.run_until_complete, args=(made._serve(ready, stop),))
    thread.start()
    assert ready.wait(10)
    try:
        yield made
    finally:
        made._loop.call_soon_threadsafe(stop.set)
        thread.join()
        made._loop.close()
