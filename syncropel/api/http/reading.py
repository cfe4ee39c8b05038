"""Who may read what, beyond the route's scope: the permission rules, and the config thread."""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Scope

from syncropel.api.http.caller import caller, lacks, writer
from syncropel.engine.engine import Engine
from syncropel.errors import SyncropelError
from syncropel.folds.control.access import account_did
from syncropel.policy.enforcement import refuse_read
from syncropel.record.threads import ENGINE_CONFIG

_READ_OPS: Final = (
    ("/v1/config", "config_read"),
    ("/v1/service-accounts", "config_read"),
    ("/v1/tokens", "config_read"),
    ("/v1/engine", "config_read"),
    ("/v1/webhooks", "config_read"),
    ("/metrics", "config_read"),
    ("/v1/store", "config_read"),
    ("/v1/expr", "config_read"),
    ("/v1/fleet", "thread_read"),
    ("/v1/control", "thread_read"),
    ("/v1/drain", "thread_read"),
    ("/v1/worktrees", "thread_read"),
    ("/v1/namespaces", "thread_read"),
    ("/v1/consents", "thread_read"),
    ("/v1/records", "thread_read"),
    ("/v1/threads", "thread_read"),
    ("/v1/tasks", "thread_read"),
    ("/v1/actors", "thread_read"),
    ("/v1/dispatches", "thread_read"),
    ("/v1/trust", "thread_read"),
    ("/v1/questions", "thread_read"),
    ("/v1/inbox", "thread_read"),
)


_OUTPUT: Final = re.compile(
    r"/v1/(tasks/(?P<task>[^/]+)/subtasks/[^/]+/(?:output|diff)|dispatches/(?P<thread>.+)/output)", re.ASCII
)
_WORKTREES: Final = "/v1/worktrees"
INSTANCE_LOG: Final = re.compile(r"/v1/fleet/instances/[^/]+/log", re.ASCII)
TOLD_LOG: Final = "/v1/fleet/log"
"""The log of this instance, for its coordinator."""
_SNAPSHOT: Final = "/v1/threads/snapshot"
"""Judged thread by thread, once the requested ones are known."""
_THREAD_VIEW: Final = re.compile(
    r"(?<=.)/(records|state|participants|watch|diff|replay(/(changes|\d+))?)$", re.ASCII
)


def is_output(path: str) -> bool:
    """Whether this is the path of an attempt's output."""
    return _OUTPUT.fullmatch(path) is not None


def read_op(method: str, path: str) -> str:
    """The operation that a rule has to allow for this request; empty for a write, and for open routes."""
    reads = method in ("GET", "HEAD") or path == "/v1/records/query" or path.startswith("/v1/expr/")
    if reads and INSTANCE_LOG.fullmatch(path) is not None:
        return "config_read"
    return next((op for prefix, op in _READ_OPS if path.startswith(prefix)), "") if reads else ""


def withheld(scope: Scope) -> str | None:
    """The thread whose records this caller may not see, although it may read records; None when it may see
    all.

    The config thread has the hashes of all secrets, and who may do what: it needs the scope of config.
    """
    token = caller(scope)
    return ENGINE_CONFIG if token is not None and lacks(token, "config:read") is not None else None


async def refusal_to_read(scope: Scope, engine: Engine) -> SyncropelError | None:
    """Why this request is refused for what it would read, or None. Writes are judged when they
    are appended."""
    method, path = scope["method"], scope["path"]
    op = read_op(method, path)
    if not op or path == _SNAPSHOT:
        return None
    if (is_output(path) or path in (_WORKTREES, TOLD_LOG)) and writer(scope).author == "coordinator":
        return None  # the route has judged the thread it is about
    thread = _thread_of(scope)
    if (refusal := _withholding(scope, engine, thread)) is not None:
        return refusal
    return await _refusal(scope, engine, op, thread) if engine.ingest.live.rules.enforced else None


async def refusal_to_read_thread(scope: Scope, engine: Engine, thread: str) -> SyncropelError | None:
    """Why this caller may not read one of the requested threads, or None."""
    if (refusal := _withholding(scope, engine, thread)) is not None:
        return refusal
    if not engine.ingest.live.rules.enforced:
        return None
    return await _refusal(scope, engine, "thread_read", thread)


def _withholding(scope: Scope, engine: Engine, thread: str) -> SyncropelError | None:
    token, kept = caller(scope), withheld(scope)
    if token is None or kept is None or kept not in (thread, engine.ingest.live.thread_named(thread)):
        return None
    return lacks(token, "config:read")


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
    """Who reads: the account of a token; over the operator's socket, whomever the operator names."""
    author = writer(scope)
    if author.author in ("coordinator", "instance"):
        return author.did
    token = caller(scope)
    if token is not None:
        return account_did(token.sa_id)
    for name, value in scope["headers"]:
        if name == b"x-syncropel-actor":
            return str(value.decode("latin-1"))[:512]
    return "did:sync:user:operator"


def _thread_of(scope: Scope) -> str:
    """The one thread or task that a request is about; empty when it is about several."""
    path: str = scope["path"]
    if (output := _OUTPUT.fullmatch(path)) is not None:
        return output["task"] or output["thread"]
    if path.startswith("/v1/tasks/"):
        return path.split("/")[3]
    if path.startswith("/v1/threads/"):
        # The name may contain slashes; the requested view of the thread follows it.
        name = path.removeprefix("/v1/threads/")
        found = _THREAD_VIEW.search(name)
        return name[: found.start()] if found else name
    # Parsed as the routes do: of a repeated parameter, the last one counts.
    return QueryParams(scope.get("query_string", b"")).get("thread", "")
