"""Who may call: the Unix socket is the operator, TCP needs a bearer token with the scope (PROTOCOL)."""

from __future__ import annotations

from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.errors import error_response, internal_error
from syncropel.engine.accounts import find_token
from syncropel.engine.engine import Engine
from syncropel.errors import Forbidden, SyncropelError, Unauthorized

OPERATOR: Final = "syncropel.operator"
"""Key in the ASGI scope that marks a connection over the Unix socket."""

_OPEN: Final = frozenset({"/health", "/.well-known/syncropel"})
_WRITES: Final = (
    ("/v1/records/query", "records:read"),
    ("/v1/records", "records:write"),
    ("/v1/tasks", "threads:write"),
    ("/v1/fleet/heartbeat", "fleet:write"),
)
_READS: Final = (("/v1/service-accounts", "config:read"), ("/v1/config", "config:read"))


def required_scope(method: str, path: str) -> str | None:
    """The scope that a request needs; None for what anybody may see."""
    if path in _OPEN:
        return None
    if method in ("GET", "HEAD", "OPTIONS"):
        return next((scope for prefix, scope in _READS if path.startswith(prefix)), "records:read")
    return next((scope for prefix, scope in _WRITES if path.startswith(prefix)), "admin")


class OperatorDoor:
    """Marks every request that comes through it as the operator's own; serve only the Unix socket with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[OPERATOR] = True
        await self._app(scope, receive, send)


class Gate:
    """Lets through who may, and turns what still goes wrong inside into an internal error with an id."""

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope.get(OPERATOR) and self._engine.settings.auth.required:
            refusal = self._refusal(scope)
            if refusal is not None:
                headers = {"www-authenticate": "Bearer"} if refusal.status == 401 else None
                await error_response(refusal, headers)(scope, receive, send)
                return
        await self._guarded(scope, receive, send)

    def _refusal(self, scope: Scope) -> SyncropelError | None:
        needed = required_scope(scope["method"], scope["path"])
        if needed is None:
            return None
        bearer = _bearer(scope)
        if not bearer:
            return Unauthorized(
                "this needs a bearer token", "send Authorization: Bearer …, or use the Unix socket"
            )
        access = self._engine.ingest.live.access
        token = find_token(access, bearer)
        if token is None:
            return Unauthorized(
                "this token is not known here", "was it revoked, or made for another instance?"
            )
        if not access.allows(token, needed):
            return Forbidden(
                f"{token.sa_id} lacks the scope {needed}", f"it has: {', '.join(sorted(token.scopes))}"
            )
        return None

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except SyncropelError as error:
            if not started:
                await error_response(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line before the wire; the log has the traceback
            if not started:
                await internal_error(error, scope["path"])(scope, receive, send)


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            if kind.lower() == "bearer":
                return str(token).strip()
        elif name == b"x-api-key":
            return str(value.decode("latin-1")).strip()
    return ""
