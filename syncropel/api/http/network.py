"""Requests of other hosts: who they are for, and what is not said to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.http.caller import NETWORK
from syncropel.api.http.errors import error_response
from syncropel.errors import BadRequest

_HOST: Final = re.compile(r"(\[[^\]]+\]|[^:]+)(:\d{1,5})?", re.ASCII)


class WrongHost(BadRequest):
    """Raised for a request under a name that this daemon's certificate is not for."""

    code = "WRONG_HOST"
    status = 421


class NetworkDoor:
    """Marks every request that it receives as one of another host; use it for the TLS socket only.

    `is_ours`: whether the certificate is for this host name. A page whose own name was pointed at this
    daemon (DNS rebinding) sends its own name, and goes no further than here.
    """

    def __init__(self, app: ASGIApp, is_ours: Callable[[str], bool]) -> None:
        self._app = app
        self._is_ours = is_ours

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[NETWORK] = True
        named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        host = _HOST.fullmatch(named[0]) if len(named) == 1 else None
        if host is None or not self._is_ours(host[1].strip("[]")):
            told = f"this daemon's certificate is not for {named[0][:80]!r}" if named else "no host is named"
            refused = WrongHost(told, "have the name added there: spl fleet tls init --host NAME")
            await error_response(refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)
