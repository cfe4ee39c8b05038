"""What a daemon answers while it reads a long log: the kill switch works, and everything else has to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.http.caller import OPERATOR
from syncropel.api.http.errors import error_response
from syncropel.engine.start_up import StartUp
from syncropel.wire.start_words import PATH, WHILE_STARTING

_LINK: Final = "/v1/fleet/link"
"""Workers that nobody can connect to hear of a freeze through their links alone."""
_STATUS: Final = "/v1/fleet/status"
_ANSWERED: Final = frozenset(
    {
        ("GET", "/v1/namespaces"),
        ("GET", "/v1/whoami"),
        ("POST", "/v1/fleet/freeze"),
        ("POST", "/v1/fleet/unfreeze"),
        ("POST", "/v1/fleet/control"),
        ("GET", _LINK),
        ("POST", "/v1/fleet/link/acks"),
        ("POST", "/v1/fleet/link/answers"),
    }
)
"""What rules over others, which is read first. `GET /v1/fleet/status` is answered to callers that ask for no
more than that."""
_MEANWHILE: Final = "spl kill and spl unkill work"


class WhileReading:
    """An app for the whole life of a daemon: `ruling` answers the kill switch until `serve` gives another."""

    def __init__(self, ruling: ASGIApp, start_up: StartUp) -> None:
        self._ruling: ASGIApp | None = ruling
        self._start_up = start_up
        self._serving: ASGIApp | None = None
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def close(self, stop: Callable[[], Awaitable[None]]) -> None:
        """Answer no further request with `ruling`, and call `stop` when those in progress are over."""
        self._ruling = None
        await self._idle.wait()
        await stop()

    def serve(self, app: ASGIApp) -> None:
        """Answer every request with this app from now on."""
        self._ruling, self._serving = None, app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._serving is not None:
            await self._serving(scope, receive, send)
        elif scope["path"] == PATH and scope.get(OPERATOR):
            await JSONResponse(self._start_up.told("reading").model_dump())(scope, receive, send)
        elif self._ruling is None or not _is_answered(scope):
            await error_response(self._start_up.refusal(_MEANWHILE))(scope, receive, send)
        elif scope["path"] == _LINK:
            await self._ruling(scope, receive, send)  # it lasts until `stop`, which must not wait for it
        else:
            await self._rule(self._ruling, scope, receive, send)

    async def _rule(self, ruling: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._under_way += 1
        self._idle.clear()
        try:
            await ruling(scope, receive, send)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()


def _is_answered(scope: Scope) -> bool:
    if (scope["method"], scope["path"]) in _ANSWERED:
        return True
    asked = parse_qs(scope["query_string"].decode("ascii", "replace")).get(WHILE_STARTING)
    return scope["method"] == "GET" and scope["path"] == _STATUS and asked == ["true"]
