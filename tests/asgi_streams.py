"""An application as a transport whose answers come piece by piece; httpx's own waits for their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: _Answer, silence_secs: float | None) -> None:
        self._answer = answer
        self._silence_secs = silence_secs

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._silence_secs):
                    piece = await self._answer.pieces.get()
            except TimeoutError:
                raise httpx.ReadTimeout("no byte") from None
            if piece is None:
                return
            yield piece

    async def aclose(self) -> None:
        await self._answer.leave()


class _Answer:
    """One request that is being answered."""

    def __init__(self, app: Any, request: httpx.Request) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.started = asyncio.Event()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._left = asyncio.Event()
        self._sent = False
        self._request = request
        self._task = asyncio.create_task(self._run(app))

    async def _run(self, app: Any) -> None:
        url = self._request.url
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        try:
            await app(scope, self._receive, self._send)
        finally:
            self.started.set()
            self.pieces.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._request.content, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
            self.started.set()
        elif piece := message.get("body", b""):
            self.pieces.put_nowait(piece)

    def cut(self) -> None:
        """Its connection is gone, on both sides."""
        self._left.set()
        self.pieces.put_nowait(None)

    async def leave(self) -> None:
        self._left.set()
        await asyncio.wait({self._task})


class StreamingTransport(httpx.AsyncBaseTransport):
    """Passes requests to an application; `open` has the answers that go on."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.open: set[_Answer] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        answer = _Answer(self._app, request)
        self.open.add(answer)
        answer._task.add_done_callback(lambda _: self.open.discard(answer))
        silence = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(silence):
                await answer.started.wait()
        except TimeoutError:
            await answer.leave()
            raise httpx.ReadTimeout("no answer") from None
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer, silence))

    def cut(self) -> None:
        """Cut every connection that is open."""
        for answer in list(self.open):
            answer.cut()
