"""Who may call: the Unix socket is the operator, TCP needs a bearer token with the scope (PROTOCOL)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.errors import error_response, internal_error
from syncropel.engine.accounts import find_token
from syncropel.engine.engine import Engine
from syncropel.errors import Forbidden, SyncropelError, Unauthorized
from syncropel.folds.access import API_TOKEN, SERVICE_ACCOUNT, TOKEN_REVOKED, Token
from syncropel.folds.rules import PERMISSION
from syncropel.policy.enforcement import refuse_read
from syncropel.record import Record
from syncropel.threads import (
    ACTOR_REGISTRY,
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)

OPERATOR: Final = "syncropel.operator"
"""Key in the ASGI scope that marks a connection over the Unix socket."""
_CALLER: Final = "syncropel.caller"
"""Key in the ASGI scope of the token that was presented; missing for the operator and without auth."""

ANY: Final = ""
"""What `required_scope` gives for what every known caller may see, whatever its scopes."""
_OWN: Final = frozenset({"/v1/whoami"})
_OPEN: Final = frozenset({"/health", "/.well-known/syncropel"})
_WRITES: Final = (
    ("/v1/records/query", "records:read"),
    ("/v1/records", "records:write"),
    ("/v1/tasks", "threads:write"),
    ("/v1/dispatch", "threads:write"),
    ("/v1/fleet", "fleet:write"),
    ("/v1/namespaces", "fleet:write"),
    ("/v1/drain", "fleet:write"),
    ("/v1/config", "config:write"),
    ("/v1/expr", "config:read"),
)
_READS: Final = (
    ("/v1/service-accounts", "config:read"),
    ("/v1/config", "config:read"),
    ("/v1/engine/log", "config:read"),
)
_THREADS: Final = {
    ENGINE_CONFIG: "config:write",
    ACTOR_REGISTRY: "config:write",
    NAMESPACE_REGISTRY: "fleet:write",
    CONSENT: "config:write",
    INSTANCE_REGISTRY: "fleet:write",
    FLEET_CONTROL: "fleet:write",
}
"""What a record on a reserved thread needs, beside records:write: the engine acts on these."""
_GRANTS: Final = frozenset({SERVICE_ACCOUNT, API_TOKEN, TOKEN_REVOKED})
_REMEMBERED: Final = 1024
"""Bearers that are remembered with their tokens."""
_LOCAL: Final = re.compile(r"(https?://)?(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.ASCII)


@lru_cache(maxsize=256)
def required_scope(method: str, path: str) -> str | None:
    """The scope that a request needs; `ANY`: a token and no scope; None: what is open to all."""
    if path in _OPEN:
        return None
    if path in _OWN:
        return ANY
    if method in ("GET", "HEAD", "OPTIONS"):
        return next((scope for prefix, scope in _READS if path.startswith(prefix)), "records:read")
    return next((scope for prefix, scope in _WRITES if path.startswith(prefix)), "admin")


def refusal_to_write(scope: Scope, record: Record, role: str) -> SyncropelError | None:
    """Why this caller may not write this record, though it may write records; None when it may.

    `role`: this instance's. A worker takes the fleet's rules from whoever it takes freezes from.
    """
    needed = _THREADS.get(record.thread)
    token: Token | None = scope.get(_CALLER)
    if needed is None or token is None:
        return None
    if record.thread == ENGINE_CONFIG and record.topic in _GRANTS:
        needed = "admin"
    if record.thread == FLEET_CONTROL and record.topic == PERMISSION and role != "worker":
        needed = "config:write"
    return _lacks(token, needed)


def caller(scope: Scope) -> Token | None:
    """The token of the one who calls; None for the operator, and where no token is asked for."""
    token: Token | None = scope.get(_CALLER)
    return token


def _lacks(token: Token, needed: str) -> SyncropelError | None:
    if needed == ANY or needed in token.scopes or "admin" in token.scopes:
        return None
    return Forbidden(
        f"{token.sa_id} lacks the scope {needed}", f"it has: {', '.join(sorted(token.scopes)) or 'none'}"
    )


_READ_OPS: Final = (
    ("/v1/config", "config_read"),
    ("/v1/service-accounts", "config_read"),
    ("/v1/engine", "config_read"),
    ("/v1/expr", "config_read"),
    ("/v1/fleet", "thread_read"),
    ("/v1/control", "thread_read"),
    ("/v1/drain", "thread_read"),
    ("/v1/namespaces", "thread_read"),
    ("/v1/records", "thread_read"),
    ("/v1/threads", "thread_read"),
    ("/v1/tasks", "thread_read"),
    ("/v1/dispatches", "thread_read"),
    ("/v1/trust", "thread_read"),
)


_SNAPSHOT: Final = "/v1/threads/snapshot"
"""Judged thread by thread, once it is known which ones are asked for."""
_THREAD_VIEW: Final = re.compile(
    r"(?<=.)/(records|state|participants|watch|diff|replay(/(changes|\d+))?)$", re.ASCII
)


def read_op(method: str, path: str) -> str:
    """The op that a rule has to allow for this request; empty for a write, and for what is open."""
    reads = method in ("GET", "HEAD") or path == "/v1/records/query" or path.startswith("/v1/expr/")
    return next((op for prefix, op in _READ_OPS if path.startswith(prefix)), "") if reads else ""


async def refusal_to_read(scope: Scope, engine: Engine) -> SyncropelError | None:
    """Why the permission rules refuse this request, or None. Writes are judged where they are ingested."""
    method, path = scope["method"], scope["path"]
    op = read_op(method, path)
    if not op or path == _SNAPSHOT:
        return None
    return await _refusal(scope, engine, op, _thread_of(scope))


async def refusal_to_read_thread(scope: Scope, engine: Engine, thread: str) -> SyncropelError | None:
    """Why the permission rules keep this caller from one thread of those it asked for, or None."""
    if not engine.ingest.live.rules.enforced:
        return None
    return await _refusal(scope, engine, "thread_read", thread)


async def _refusal(scope: Scope, engine: Engine, op: str, thread: str) -> SyncropelError | None:
    live = engine.ingest.live
    state = live.task(thread)
    refusal = await refuse_read(
        op,
        _actor_of(scope),
        state.thread if state is not None else thread,
        live,
        engine.runtime.now(),
        engine.instance.did,
    )
    if refusal is None:
        return None
    engine.ingest.denials.note(*refusal[1:])
    return refusal[0]


def _actor_of(scope: Scope) -> str:
    """Who reads: the account of a token; over the operator's socket whom the operator says they are."""
    token: Token | None = scope.get(_CALLER)
    if token is not None:
        return f"did:sync:service:{token.sa_id}"
    for name, value in scope["headers"]:
        if name == b"x-syncropel-actor":
            return str(value.decode("latin-1"))[:512]
    return "did:sync:user:operator"


def _thread_of(scope: Scope) -> str:
    """The one thread or task that a request is about; empty when it is about several."""
    path: str = scope["path"]
    if path.startswith("/v1/tasks/"):
        return path.split("/")[3]
    if path.startswith("/v1/threads/"):
        # The name may hold slashes; what is asked of the thread comes after it.
        name = path.removeprefix("/v1/threads/")
        found = _THREAD_VIEW.search(name)
        return name[: found.start()] if found else name
    query: bytes = scope.get("query_string", b"")
    return parse_qs(query.decode("latin-1")).get("thread", [""])[0]


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
        self._seen: dict[str, Token] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if not scope.get(OPERATOR):
            required = self._engine.settings.auth.required
            origins = self._engine.ingest.live.access.origins
            refusal = self._refusal(scope) if required else _from_elsewhere(scope, origins)
            if refusal is not None:
                await error_response(refusal)(scope, receive, send)
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
        token = self._token(bearer)
        if token is None:
            return Unauthorized(
                "this token is not known here", "was it revoked, or made for another instance?"
            )
        scope[_CALLER] = token
        return _lacks(token, needed)

    def _token(self, bearer: str) -> Token | None:
        """The valid token of this bearer; one that was found before is not hashed again."""
        access = self._engine.ingest.live.access
        token = self._seen.get(bearer)
        # A token that was revoked or granted anew is not the same object any more.
        if token is not None and access.token(token.sha256) is token:
            return token
        token = find_token(access, bearer)
        if token is None:
            self._seen.pop(bearer, None)
            return None
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[bearer] = token
        return token

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            rules = self._engine.ingest.live.rules
            if rules.enforced and (refusal := await refusal_to_read(scope, self._engine)) is not None:
                raise refusal
            await self._app(scope, receive, watched_send)
        except SyncropelError as error:
            if not started:
                await error_response(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line before the wire; the log has the traceback
            if not started:
                await internal_error(error, scope["path"])(scope, receive, send)


def _from_elsewhere(scope: Scope, origins: tuple[str, ...]) -> SyncropelError | None:
    # Without tokens any web page that the user looks at could post here: by its own origin, or, after it has
    # pointed its name at 127.0.0.1, by that name.
    for name, value in scope["headers"]:
        text = value.decode("latin-1")
        if name == b"origin" and text in origins:
            continue
        if name in (b"host", b"origin") and not _LOCAL.fullmatch(text):
            return Forbidden(
                "without auth only this machine may call, and not from a web page of another",
                "call http://127.0.0.1 or http://localhost, or use a token",
            )
    return None


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            if kind.lower() == "bearer":
                return str(token).strip()
        elif name == b"x-api-key":
            return str(value.decode("latin-1")).strip()
    return ""
