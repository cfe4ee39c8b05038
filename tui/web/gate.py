"""Decides who may see the page: the browser that presents the one-time token, and only that one afterwards.

Every program on this machine can reach a page on the loopback interface, and so can every web site that the
operator's browser visits (DNS rebinding, cross-site WebSockets). Therefore `Host` must be our own name, a
WebSocket must come from our own page, and every request needs the cookie that the token was exchanged for.
"""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Gate:
    """Lets one browser in. `port` is where the page is served; the token works once."""

    def __init__(self, port: int) -> None:
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie = f"syncropel-console-{port}"
        self._token: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self.url = f"http://127.0.0.1:{port}/?token={self._token}"

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 403 without permission; redirect whoever presents the token to the page without it."""
        if (why := self._refusal(request)) is not None:
            return web.Response(status=403, text=f"403: {why}\n", headers=_HEADERS)
        if self._brings_token(request):
            return self._exchange(request.query["token"])
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.update(_HEADERS)
        return answer

    def _refusal(self, request: web.Request) -> str | None:
        host = request.headers.get("Host", "")
        if host not in self._hosts:
            return "this page answers to 127.0.0.1 and localhost only"
        if request.path == "/ws" and request.headers.get("Origin") != f"http://{host}":
            return "the console is reached from its own page only"
        if self._brings_token(request):
            return None
        if not secrets.compare_digest(request.cookies.get(self._cookie, ""), self._session):
            return "open the address that `spl console --web` printed"
        return None

    def _brings_token(self, request: web.Request) -> bool:
        return request.method == "GET" and request.path == "/" and "token" in request.query

    def _exchange(self, token: str) -> web.Response:
        if self._token is None or not secrets.compare_digest(token.encode(), self._token.encode()):
            why = "this token is wrong or was used already; start `spl console --web` again for a new one"
            return web.Response(status=403, text=f"403: {why}\n", headers=_HEADERS)
        self._token = None
        answer = web.Response(status=303, headers={**_HEADERS, "Location": "/"})
        answer.set_cookie(self._cookie, self._session, httponly=True, samesite="Strict", path="/")
        return answer
