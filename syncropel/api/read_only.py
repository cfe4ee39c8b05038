"""The application over a log that is only read: every read works, and every write is clearly refused."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.app import create_routes
from syncropel.api.http.errors import error_response, internal_error
from syncropel.api.http.head import Head
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, SyncropelError

_READING_POSTS: Final = frozenset({"/v1/records/query", "/v1/expr/check", "/v1/expr/eval"})
"""POST requests that change nothing."""


def create_read_only_app(engine: Engine, name: str) -> ASGIApp:
    """The routes of an engine that was started without running, for whoever holds the log itself: without
    auth.

    `name`: what a refusal calls the log.
    """
    return _ReadOnly(Head(create_routes(engine)), name)


class _ReadOnly:
    def __init__(self, app: ASGIApp, name: str) -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD") and scope["path"] not in _READING_POSTS:
            refusal = Conflict(
                f"{self._name} is read-only: nothing can be changed in it",
                "import it into a daemon first: spl thread restore --in FILE",
                code="READ_ONLY",
            )
            await error_response(refusal)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except SyncropelError as error:
            await error_response(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line before whoever asked; the log has the traceback
            await internal_error(error, scope["path"])(scope, receive, send)
