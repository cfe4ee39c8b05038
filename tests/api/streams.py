"""An event stream straight from the application: httpx's ASGI transport waits for the end of an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

LIMIT_SECS = 60.0


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str | None


class Stream:
    """One open stream. `take` waits for the next event; None when the daemon has ended it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._text = ""
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.started = asyncio.Event()
        self.blocked = asyncio.Event()
        self.blocked.set()

    async def receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.started.set()
            return
        await self.blocked.wait()
        *blocks, self._text = (self._text + message.get("body", b"").decode()).split("\n\n")
        for block in blocks:
            self._events.put_nowait(_event(block))
        if not message.get("more_body", False):
            self._events.put_nowait(None)

    def leave(self) -> None:
        self._gone.set()

    async def take(self) -> Event | None:
        async with asyncio.timeout(LIMIT_SECS):
            return await self._events.get()

    async def records(self, count: int) -> list[Event]:
        """The next `count` events, each of them a record."""
        events = [await self.take() for _ in range(count)]
        assert all(one is not None and one.name == "record.created" for one in events)
        return [one for one in events if one is not None]


def _event(block: str) -> Event:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    return Event(fields["event"], json.loads(fields["data"]), fields.get("id"))


@asynccontextmanager
async def watch(app: Any, url: str, *, operator: bool = True, **headers: Any) -> AsyncIterator[Stream]:
    """Open a stream, over the operator's socket or TCP; left at the block's end, it must end by itself."""
    parts = urlsplit(url)
    stream = Stream()
    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 9100),
        "client": None,
        "root_path": "",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        **({"syncropel.operator": True} if operator else {}),
    }
    task = asyncio.create_task(app(scope, stream.receive, stream.send))
    try:
        async with asyncio.timeout(LIMIT_SECS):
            await stream.started.wait()
        yield stream
    finally:
        stream.blocked.set()
        stream.leave()
        async with asyncio.timeout(LIMIT_SECS):
            await task
