"""The output of attempts: of any subtask, and of those given to this instance; as pages, or as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from syncropel.api.http import sse
from syncropel.api.tasks.task_views import find_task
from syncropel.engine.engine import Engine
from syncropel.engine.output.following import Read
from syncropel.engine.output.local import MAX_BYTES, Wanted
from syncropel.errors import OutputUnreachable, SyncropelError
from syncropel.record.model import MAX_CLOCK
from syncropel.wire import OutputPage

DEFAULT_BYTES: Final = 64 * 1024
MAX_TAIL: Final = 10_000

Attempt = Annotated[int | None, Query(ge=1, le=MAX_CLOCK, description="by default the latest one")]
Offset = Annotated[int, Query(ge=0, le=MAX_CLOCK, description="in bytes")]
Bytes = Annotated[int, Query(ge=0, le=MAX_BYTES, description="the most bytes that come back at once")]
Tail = Annotated[
    int | None,
    Query(ge=0, le=MAX_TAIL, description="begin with the last N lines instead of at `offset`"),
]
Raw = Annotated[bool, Query(description="an agent's own bytes, instead of the events in them")]
Stderr = Annotated[
    bool, Query(description="what it wrote to its error output, where that has a file of its own")
]
Diff = Annotated[
    bool, Query(description="what it changed in its worktree, as a patch, instead of its output")
]
Follow = Annotated[bool, Query(description="answer with an event stream")]


_Read = Callable[[Wanted, int | None], Awaitable[OutputPage]]


def router(engine: Engine) -> APIRouter:
    """The routes of output."""
    routes = APIRouter(tags=["output"])

    @routes.get("/v1/tasks/{name}/subtasks/{index}/output", response_model=OutputPage)
    async def subtask_output(
        request: Request,
        name: str,
        index: int,
        attempt: Attempt = None,
        offset: Offset = 0,
        limit: Bytes = DEFAULT_BYTES,
        tail: Tail = None,
        raw: Raw = False,
        stderr: Stderr = False,
        follow: Follow = False,
    ) -> OutputPage | Response:
        """The output of a subtask's attempt, from the instance that has it.

        With `follow` server-sent events `output`, each with such a page, until the attempt has ended: the
        last one says so. Its `id` is the `offset` to continue from. `output.lost` says that the instance does
        not answer: the stream continues when it does again. `error` ends it.
        """
        task = find_task(engine, name).thread

        async def read(wanted: Wanted, number: int | None) -> OutputPage:
            return await engine.output.attempts.of_subtask(task, index, number, wanted)

        wanted = Wanted(offset, limit, tail, raw, stderr)
        if not follow:
            return await read(wanted, attempt)
        return await _stream(engine, request, wanted, read, attempt, ("subtask", task, index))

    @routes.get("/v1/tasks/{name}/subtasks/{index}/diff")
    async def subtask_diff(
        name: str, index: int, attempt: Attempt = None, offset: Offset = 0, limit: Bytes = DEFAULT_BYTES
    ) -> OutputPage:
        """What a subtask's attempt changed in its git worktree, committed or not, from the instance that has
        it: a patch against its starting commit. It is generated anew for the page at `offset` 0.
        """
        task = find_task(engine, name).thread
        return await engine.output.attempts.of_subtask(task, index, attempt, Wanted(offset, limit, diff=True))

    @routes.get("/v1/dispatches/{thread:path}/output", response_model=OutputPage)
    async def dispatch_output(
        request: Request,
        thread: str,
        attempt: Attempt = None,
        offset: Offset = 0,
        limit: Bytes = DEFAULT_BYTES,
        tail: Tail = None,
        raw: Raw = False,
        stderr: Stderr = False,
        diff: Diff = False,
        follow: Follow = False,
    ) -> OutputPage | Response:
        """The output of an attempt given to this very instance; `thread` is the subtask's.

        `follow`: as with the output of a subtask.
        """

        async def read(wanted: Wanted, number: int | None) -> OutputPage:
            return await engine.output.attempts.of_child(thread, number, wanted)

        wanted = Wanted(offset, limit, tail, raw, stderr, diff)
        if diff or not follow:
            return await read(wanted, attempt)
        return await _stream(engine, request, wanted, read, attempt, ("dispatch", thread))

    return routes


async def _stream(
    engine: Engine,
    request: Request,
    wanted: Wanted,
    read: _Read,
    attempt: int | None,
    key: tuple[object, ...],
) -> Response:
    """The stream from the first page on: an exception from that becomes the response."""
    engine.output.following.admit()
    if (resumed := sse.resume_sequence(request, None)) is not None:
        wanted = replace(wanted, offset=resumed, tail=None)
    first, which = await read(wanted, attempt), {"raw": wanted.raw, "stderr": wanted.stderr}

    async def read_on(piece: Wanted) -> OutputPage:
        """Continue with the same attempt, even if a newer one exists meanwhile."""
        return await read(replace(piece, **which), first.attempt)

    return sse.event_stream(engine, _events(engine, first, read_on, (*key, first.attempt, *which.values())))


async def _events(
    engine: Engine, first: OutputPage, read: Read, key: tuple[object, ...]
) -> AsyncIterator[str]:
    yield _event(first)
    watcher = engine.broadcast.watch(lambda _: False)  # needs no records, only the shutdown signal
    stopping = asyncio.ensure_future(watcher.take())
    follower = engine.output.following.follow(key, read, first)
    coming = asyncio.ensure_future(follower.next())
    try:
        while not watcher.closed:
            done, _ = await asyncio.wait(
                {coming, stopping}, timeout=sse.HEARTBEAT_SECS, return_when=asyncio.FIRST_COMPLETED
            )
            if coming in done:
                if (piece := coming.result()) is None:
                    return
                yield _event(piece)
                coming = asyncio.ensure_future(follower.next())
            elif not done:
                yield sse.event("heartbeat", json.dumps({"at": engine.runtime.now()}))
        yield sse.server_shutdown()
    except SyncropelError as error:
        yield sse.event("error", json.dumps(error.envelope()))
    finally:
        coming.cancel()
        stopping.cancel()
        follower.close()
        engine.broadcast.forget(watcher)


def _event(piece: OutputPage | OutputUnreachable) -> str:
    if isinstance(piece, OutputPage):
        return sse.event("output", piece.model_dump_json(), piece.next_offset)
    return sse.event("output.lost", json.dumps(piece.envelope()))
