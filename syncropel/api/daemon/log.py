"""/v1/engine/log: the newest lines of this daemon's log, and new ones as they come; those of any instance.

Reading the log writes no log lines, so that watching it does not make it grow.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from syncropel.api.daemon.instance_log import instance_log
from syncropel.api.fleet.fleet_views import find_instance
from syncropel.api.http import sse
from syncropel.api.http.caller import writer
from syncropel.api.http.paging import Cursor, Limit
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, WrongAuthor
from syncropel.logs.lines import LEVELS
from syncropel.logs.ring import Kept, LogRing
from syncropel.wire import LogLine, LogPage

Level = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]
AtLeast = Annotated[Level, Query(description="this level and above")]
STREAMED_AT_ONCE: Final = 500


def router(engine: Engine, ring: LogRing) -> APIRouter:
    """The routes of the log."""
    routes = APIRouter(tags=["log"])

    @routes.get("/v1/engine/log")
    async def get_log(since: Cursor = None, level: AtLeast = "TRACE", limit: Limit = 100) -> LogPage:
        """The newest lines, or with `since` (a sequence) the ones after it."""
        severity = LEVELS[level]
        seen = ring.newest(limit, severity) if since is None else ring.after(since, limit, severity)
        return LogPage(
            data=[LogLine.model_validate(_fields(one)) for one in seen.lines],
            next_cursor=seen.cursor,
            missed=seen.missed,
            dropped=ring.dropped,
        )

    @routes.get("/v1/fleet/log")
    async def get_log_as_coordinator(
        request: Request, since: Cursor = None, level: AtLeast = "TRACE", limit: Limit = 100
    ) -> LogPage:
        """The same, for the coordinator of this worker alone."""
        if engine.settings.role != "worker":
            raise Conflict("nobody coordinates this instance", "GET /v1/engine/log has its own log")
        if writer(request.scope).author != "coordinator":
            raise WrongAuthor(
                "only the coordinator of this instance asks for its log this way",
                "on its host: spl logs; elsewhere, at the coordinator: GET /v1/fleet/instances/NAME/log",
            )
        return await get_log(since, level, limit)

    @routes.get("/v1/fleet/instances/{name}/log")
    async def get_instance_log(
        name: str, since: Cursor = None, level: AtLeast = "TRACE", limit: Limit = 100
    ) -> LogPage:
        """The same of any instance, by DID or alias: the coordinator asks it.

        503 when it does not answer; 409 on a worker, which knows only its own log.
        """
        instance = find_instance(engine, name)
        if instance.did == engine.instance.did:
            return await get_log(since, level, limit)
        query = {"level": level, "limit": limit} | ({} if since is None else {"since": since})
        return await instance_log(engine, instance, query)

    @routes.get("/v1/engine/log/watch", response_class=sse.EventStream)
    async def watch_log(request: Request, since: Cursor = None, level: AtLeast = "TRACE") -> Response:
        """Server-sent events `log.line`; resumes after `Last-Event-ID` or `since` (a sequence).

        `log.gap` (`missed`) says how many lines are no longer available for a reader that was away or too
        slow.
        """
        cursor = sse.resume_sequence(request, since)
        return sse.event_stream(engine, _events(engine, ring, cursor, LEVELS[level]))

    return routes


def _fields(line: Kept) -> dict[str, Any]:
    return {"sequence": line.sequence, "at": line.at, **line.fields}


async def _events(engine: Engine, ring: LogRing, since: int | None, severity: int) -> AsyncIterator[str]:
    cursor = ring.newest(0).cursor if since is None else since
    watcher = engine.broadcast.watch(lambda _: False)  # needs no records, only the shutdown signal
    stopping = asyncio.ensure_future(watcher.take())
    try:
        while not watcher.closed:
            seen = ring.after(cursor, STREAMED_AT_ONCE, severity)
            if seen.missed:
                yield sse.event("log.gap", json.dumps({"missed": seen.missed}))
            for line in seen.lines:
                yield sse.event("log.line", json.dumps(_fields(line)), line.sequence)
            cursor = seen.cursor
            if not await _either(lambda: ring.wait(cursor), stopping):  # noqa: B023 - awaited before it changes
                yield sse.event("heartbeat", json.dumps({"at": engine.runtime.now()}))
        yield sse.server_shutdown()
    finally:
        stopping.cancel()
        engine.broadcast.forget(watcher)


async def _either(wait: Callable[[], Any], stopping: asyncio.Future[Any]) -> bool:
    """Wait for one of both; return False when neither came within a stream's longest silence."""
    line = asyncio.ensure_future(wait())
    try:
        done, _ = await asyncio.wait(
            {line, stopping}, timeout=sse.HEARTBEAT_SECS, return_when=asyncio.FIRST_COMPLETED
        )
        return bool(done)
    finally:
        line.cancel()
