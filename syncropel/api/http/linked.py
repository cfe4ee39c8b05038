"""Requests that come through the link of this worker, answered by its own application."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Scope

from syncropel.api.http.caller import LINKED
from syncropel.peer.link.protocol import ANSWER_BYTES
from syncropel.wire.leader import TERM_HEADER

_TOO_LARGE: Final = (
    500,
    json.dumps({"object": "error", "code": "TOO_LARGE", "message": "the answer is too long for a link"}),
)


class LinkedDoor:
    """A `Door`: passes requests on as the coordinator's, who has proven itself when the link was made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(
        self, method: str, path: str, query: str, body: bytes, coordinator: str, term: str
    ) -> tuple[int, bytes]:
        """The HTTP status and the body of the answer."""
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"content-length", b"%d" % len(body)),
                (b"content-type", b"application/json"),
                *([(TERM_HEADER.encode(), term.encode("ascii", "replace"))] if term else []),
            ],
            "client": None,
            "server": None,
            LINKED: coordinator,
        }
        status, parts, size = 0, [], 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                part = message.get("body", b"")
                size += len(part)
                if size <= ANSWER_BYTES:
                    parts.append(part)

        await self._app(scope, receive, send)
        if size > ANSWER_BYTES:
            return _TOO_LARGE[0], _TOO_LARGE[1].encode()
        return status, b"".join(parts)
