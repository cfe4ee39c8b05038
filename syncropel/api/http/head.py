"""HEAD: the answer of GET, without its body."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Answers HEAD from the app's GET. An event stream ends after its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        answered = asyncio.Event()

        async def gone_when_answered() -> Message:
            await answered.wait()
            return {"type": "http.disconnect"}

        async def without_body(message: Any) -> None:
            if message["type"] == "http.response.start":
                await send(message)
            elif not answered.is_set():
                answered.set()
                await send({"type": "http.response.body", "body": b""})

        async def started(message: Any) -> None:
            await without_body(message)
            if message["type"] == "http.response.start" and _is_stream(message):
                await without_body({"type": "http.response.body"})

        await self._app({**scope, "method": "GET"}, gone_when_answered, started)


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )
