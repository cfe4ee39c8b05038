"""Who may call: the operator over the Unix socket, where goals may only read; over TCP, any holder of a
token.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.http import operators_only
from syncropel.api.http.bearers import Bearers, over_link
from syncropel.api.http.caller import (
    ANY,
    CALLER,
    LINKED,
    NETWORK,
    NOT_OPERATOR,
    OPERATOR,
    RECOGNISED,
    WRITER,
    NotOperator,
    caller,
    lacks,
)
from syncropel.api.http.errors import error_response, internal_error
from syncropel.api.http.reading import INSTANCE_LOG, is_output, refusal_to_read
from syncropel.api.http.tally import GOALS_REFUSED, UNKNOWN_CALLERS, Tally
from syncropel.api.http.terms import refusal_by_term, refusal_to_change
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Forbidden, GoalMayNot, SyncropelError, UnknownCaller
from syncropel.folds.control.access import (
    ANSWERS,
    API_TOKEN,
    MEASURES,
    MERGES,
    PULLS,
    READS_OUTPUT,
    REVIEWS,
    SAYS,
    SERVICE_ACCOUNT,
    TOKEN_REVOKED,
    Token,
)
from syncropel.folds.control.rules import PERMISSION
from syncropel.policy.authority import Writer
from syncropel.record.model import Record
from syncropel.record.threads import (
    ACTOR_REGISTRY,
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
)

_RECORDS: Final = "/v1/records"
_OWN: Final = frozenset({"/v1/whoami", "/v1/leader"})
_JOIN: Final = "/v1/fleet/join"
_OPEN: Final = frozenset({"/health", "/.well-known/syncropel", _JOIN})
_WRITES: Final = (
    ("/v1/records/query", "records:read"),
    (_RECORDS, "records:write"),
    ("/v1/tasks", "threads:write"),
    ("/v1/dispatch", "threads:write"),
    ("/v1/leader/announce", "fleet:write"),
    ("/v1/fleet/credentials", "admin"),
    ("/v1/fleet/invites", "admin"),
    ("/v1/fleet/nodes", "admin"),
    ("/v1/fleet", "fleet:write"),
    ("/v1/namespaces", "fleet:write"),
    ("/v1/consents", "config:write"),
    ("/v1/drain", "fleet:write"),
    ("/v1/worktrees/allow", MERGES),
    ("/v1/worktrees", "fleet:write"),
    ("/v1/merges", MERGES),
    ("/v1/config", "config:write"),
    ("/v1/webhooks", "config:write"),
    ("/v1/expr", "config:read"),
    ("/v1/questions", ANSWERS),
)
_READS: Final = (
    ("/metrics", MEASURES),
    ("/v1/fleet/link", "fleet:write"),
    ("/v1/service-accounts", "config:read"),
    ("/v1/tokens", "config:read"),
    ("/v1/config", "config:read"),
    ("/v1/webhooks", "config:read"),
    ("/v1/fleet/nodes", "config:read"),
    ("/v1/engine/log", "config:read"),
    ("/v1/worktrees", READS_OUTPUT),
)
_THREADS: Final = {
    ENGINE_CONFIG: "config:write",
    ACTOR_REGISTRY: "config:write",
    NAMESPACE_REGISTRY: "fleet:write",
    CONSENT: "config:write",
    INSTANCE_REGISTRY: "fleet:write",
    FLEET_CONTROL: "fleet:write",
}
"""Scopes that a record on a reserved thread needs, beside records:write: the engine acts on these."""
_SAYS: Final = re.compile(r"/v1/tasks/[^/]+/subtasks/[^/]+/messages", re.ASCII)
_REVIEW: Final = re.compile(r"/v1/tasks/[^/]+/subtasks/[^/]+/reviews", re.ASCII)
_MERGE: Final = "/merge"
_SNAPSHOT: Final = "/v1/threads/snapshot"
_GRANTS: Final = frozenset({SERVICE_ACCOUNT, API_TOKEN, TOKEN_REVOKED})
GOAL_SCOPE: Final = "records:read"
"""The only thing a goal may do over the Unix socket, with what that implies of counters."""
_LINE_BREAK: Final = BadRequest("a path cannot have a line break", "GET /openapi.json lists the paths")
_UNKNOWN_HINT: Final = (
    "call from where the daemon sees the process, such as in its container; or use --url and a token"
)
_TELLING: Final = frozenset({b"host", b"origin", b"sec-fetch-site"})
_OWN_SITE: Final = frozenset({"none", "same-origin"})
"""What a browser sends when no other page caused the call. For a page on another port here it is
"same-site"."""
_ELSEWHERE: Final = Forbidden(
    "without auth only this machine may call, and no web page of another site",
    "call http://127.0.0.1 or http://localhost, list the page's origin, or use a token",
)
_SHARED_ELSEWHERE: Final = Forbidden(
    "the shared fleet token counts on this machine alone",
    "an instance on another host joins: spl fleet invite, here; then spl fleet join, there",
)
_LOCAL: Final = re.compile(r"(https?://)?(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.ASCII)


@lru_cache(maxsize=256)
def required_scope(method: str, path: str) -> str | None:
    """The scope that a request needs; `ANY`: a token with any scope; None: open to everyone."""
    if path in _OPEN:
        return None
    if path in _OWN:
        return ANY
    if method in ("GET", "HEAD", "OPTIONS"):
        if path == _SNAPSHOT:  # no prefix: a thread may be called snapshot/x
            return PULLS
        if is_output(path):
            return READS_OUTPUT
        if INSTANCE_LOG.fullmatch(path) is not None:
            return "config:read"
        return next((scope for prefix, scope in _READS if path.startswith(prefix)), "records:read")
    if _SAYS.fullmatch(path):
        return SAYS
    if _REVIEW.fullmatch(path):
        return REVIEWS
    if path.startswith("/v1/tasks/") and path.endswith(_MERGE):
        return MERGES
    return next((scope for prefix, scope in _WRITES if path.startswith(prefix)), "admin")


def refusal_to_write(scope: Scope, record: Record, role: str) -> SyncropelError | None:
    """Why this caller may not write this record, although it may write records; None when it may.

    `role`: this instance's. A worker accepts the fleet's rules from whoever it accepts freezes from.
    """
    needed = _THREADS.get(record.thread)
    token = caller(scope)
    if needed is None or token is None:
        return None
    if record.thread == ENGINE_CONFIG and record.topic in _GRANTS:
        needed = "admin"
    if record.thread == FLEET_CONTROL and record.topic == PERMISSION and role != "worker":
        needed = "config:write"
    return lacks(token, needed)


class OperatorDoor:
    """Marks every request that it receives as the operator's own; use it for the Unix socket only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[OPERATOR] = True
        await self._app(scope, receive, send)


class Gate:
    """Admits authorized callers, and turns unexpected exceptions inside into an internal error with an id.

    `post_record` answers POST /v1/records, since most requests of a busy daemon are this one. It sends its
    whole answer at its end, and is no read: neither has to be watched for.
    """

    def __init__(self, app: ASGIApp, post_record: ASGIApp, engine: Engine, tally: Tally) -> None:
        self._app = app
        self._post_record = post_record
        self._engine = engine
        self._tally = tally
        self._bearers = Bearers(engine)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\n" in scope["path"]:
            # Routes also match a path with a trailing line break: scopes and rules would judge a different
            # one.
            await error_response(_LINE_BREAK)(scope, receive, send)
            return
        if (who := scope.get(NOT_OPERATOR)) is not None:
            refusal = self._refusal_to_goal(scope, who)
            if refusal is not None:
                await error_response(refusal)(scope, receive, send)
                return
        elif (coordinator := scope.get(LINKED)) is not None:
            refusal = self._refusal_over_link(scope, coordinator)
            if refusal is not None:
                await error_response(refusal)(scope, receive, send)
                return
        elif scope.get(OPERATOR):
            scope[WRITER] = Writer("operator", self._engine.instance.did)
        else:
            refusal = self._refusal(scope)
            if refusal is not None:
                await error_response(refusal)(scope, receive, send)
                return
            if operators_only.is_for_operators(scope):
                goal = await operators_only.goal_behind(scope)
                if goal is not None:
                    self._note(scope, goal)
                    await error_response(operators_only.refusal(goal))(scope, receive, send)
                    return
        if (refusal := refusal_to_change(scope, self._engine.leading)) is not None:
            await error_response(refusal)(scope, receive, send)
            return
        if scope["path"] == _RECORDS and scope["method"] == "POST":
            await self._post(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    def _refusal(self, scope: Scope) -> SyncropelError | None:
        """Why a caller over TCP is refused. Stores in the scope who it is."""
        shown, network = _bearer(scope), bool(scope.get(NETWORK))
        required = network or self._engine.settings.auth.required
        found = self._bearers.find(shown)
        if found is not None and (recognised := scope.get(RECOGNISED)) is not None:
            recognised(found.token.sa_id)
        known = found is not None or self._engine.keyring.was_coordinator(shown)
        if (stale := refusal_by_term(scope, self._engine.leading, known=known)) is not None:
            return stale
        if found is not None and (required or found.writer.author != "account"):
            scope[WRITER] = found.writer
        if not required:
            return _from_elsewhere(scope, self._engine.ingest.live.access.origins)
        method, path = scope["method"], scope["path"]
        needed = required_scope(method, path)
        if needed is None and network and path != _JOIN:
            needed = ANY  # nothing else is said to another host that has no token
        if needed is None:
            return None
        if found is None:
            return self._bearers.unknown(shown)
        if network and found.writer.author == "fleet":
            return _SHARED_ELSEWHERE
        scope[CALLER] = found.token
        return lacks(found.token, needed) or found.refusal(method, path)

    def _refusal_over_link(self, scope: Scope, coordinator: str) -> SyncropelError | None:
        """Why the coordinator is refused that asks through this worker's link: as if it had connected."""
        if (stale := refusal_by_term(scope, self._engine.leading, known=True)) is not None:
            return stale
        found = over_link(coordinator)
        scope[WRITER], scope[CALLER] = found.writer, found.token
        needed = required_scope(scope["method"], scope["path"])
        return lacks(found.token, ANY if needed is None else needed)

    def _refusal_to_goal(self, scope: Scope, who: NotOperator) -> SyncropelError | None:
        """Why a caller on the Unix socket that is not the operator is refused; a goal may read."""
        method, path = scope["method"], scope["path"]
        needed = required_scope(method, path)
        if needed is None:
            return None
        if who.problem:
            self._note(scope, who)
            return UnknownCaller(f"cannot tell who calls: {who.problem}", _UNKNOWN_HINT)
        if needed in (ANY, GOAL_SCOPE, MEASURES):
            scope[CALLER] = Token(f"goal:{who.thread}", "", frozenset({GOAL_SCOPE}), "", 0.0)
            return None
        whose = f"attempt {who.thread!r}" if who.thread else "an attempt that its environment does not name"
        self._note(scope, who)
        what = "may not read output" if needed == READS_OUTPUT else "may only read"
        return GoalMayNot(
            f"a goal {what}: PID {who.pid} works on {whose}",
            "do it as the operator, outside goals; or use --url and a token",
        )

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._post_record(scope, receive, send)
        except SyncropelError as error:
            await error_response(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - as below
            await internal_error(error, scope["path"])(scope, receive, send)

    def _note(self, scope: Scope, who: NotOperator) -> None:
        """Count and log that a goal, or a caller of whom nothing is known, was refused."""
        asked, now = f"{scope['method']} {scope['path'][:200]}", self._engine.runtime.monotonic()
        if who.problem:
            self._tally.note_each(
                UNKNOWN_CALLERS, now, f"refused {asked} to an unknown caller: {who.problem}"
            )
            return
        whose = f"attempt {who.thread!r}" if who.thread else "an attempt that its environment does not name"
        self._tally.note_each(GOALS_REFUSED, now, f"refused {asked} to a goal: PID {who.pid}, {whose}")

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            if (refusal := await refusal_to_read(scope, self._engine)) is not None:
                raise refusal
            await self._app(scope, receive, watched_send)
        except SyncropelError as error:
            if not started:
                await error_response(error)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last line before the wire; the log has the traceback
            if not started:
                await internal_error(error, scope["path"])(scope, receive, send)


def _from_elsewhere(scope: Scope, origins: tuple[str, ...]) -> SyncropelError | None:
    # Without tokens, any web page that the user visits could call: with its own origin; with our name, after
    # pointing its own at 127.0.0.1; or by an image or a link, which come without an origin.
    listed = foreign = False
    for name, value in scope["headers"]:
        if name in _TELLING:
            text = value.decode("latin-1")
            if name == b"sec-fetch-site":
                foreign = foreign or text.strip().lower() not in _OWN_SITE
            elif name == b"origin" and text in origins:
                listed = True
            elif not _LOCAL.fullmatch(text):
                return _ELSEWHERE
    return _ELSEWHERE if foreign and not listed else None


def _bearer(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            if kind.lower() == "bearer":
                return str(token).strip()
        elif name == b"x-api-key":
            return str(value.decode("latin-1")).strip()
    return ""
