"""Counts requests by method, route template, and status."""

from __future__ import annotations

from collections import Counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ROUTE: Final = "none"
"""The route of requests that were refused or answered before one was looked for, or have none."""
_ABRUPT: Final = 499
"""The status of a request that ended without an answer: its caller was gone."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HOT: Final = "/v1/records"
"""Answered by a handler of its own, before routing, when it is posted to."""


class RequestCounts:
    """How many requests ended, by (method, route, status). A route is a template such as `/v1/tasks/{name}`,
    so a caller cannot make new keys by asking for other paths.
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, int]] = Counter()

    def note(self, scope: Scope, status: int) -> None:
        """Count one request."""
        method = scope["method"]
        route = getattr(scope.get("route"), "path", None)
        if route is None:
            route = _HOT if scope["path"] == _HOT and method == "POST" else NO_ROUTE
        self.counts[method if method in _METHODS else "other", route, status] += 1


class Counted:
    """Counts every request that the app has answered."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _ABRUPT

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        finally:
            self._counts.note(scope, status)
