"""/v1/threads/{thread}/replay and /diff: the past of a thread, and two threads compared."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from syncropel.api.http.paging import MAX_PAGE, Limit
from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.api.replay.diff_views import diff_of
from syncropel.api.replay.replay_views import ReplayView
from syncropel.api.replay.replays import Replays
from syncropel.api.tasks.waiting import slots
from syncropel.api.threads.thread_views import find_line, thread_summary
from syncropel.engine.engine import Engine
from syncropel.errors import NotFound
from syncropel.folds.replay.walk import Replay
from syncropel.wire.replay import ReplayMoment, ReplayPage, StatusChange, StatusChanges, ThreadDiff

Position = Annotated[int, Query(ge=0)]


def router(engine: Engine, replays: Replays) -> APIRouter:
    """The routes of replay. They come before those of threads, whose names may contain slashes."""
    routes = APIRouter(tags=["replay"])

    def _view(thread: str) -> ReplayView:
        # Copied on the event loop: the live folds change while other threads read them.
        summary = thread_summary(engine, find_line(engine, thread))
        names = engine.ingest.live.names()
        return ReplayView(summary, names, engine.instance.did, replays.made(summary.id, names), slots(engine))

    @routes.get("/v1/threads/{thread:path}/replay/changes", response_model=StatusChanges)
    async def replay_changes(thread: str) -> Response:
        """Where the folded status of a thread changes."""
        summary = thread_summary(engine, find_line(engine, thread))

        def see(replay: Replay) -> StatusChanges:
            return StatusChanges(
                thread=summary,
                total=replay.total,
                data=[_change(replay, at) for at in range(len(replay.changes))],
            )

        return _answer(await replays.look(summary.id, see))

    @routes.get("/v1/threads/{thread:path}/replay/{position:int}", response_model=ReplayMoment)
    async def replay_moment(thread: str, position: int) -> Response:
        """A thread as of its first `position` records: its state, its task, its join."""
        view = _view(thread)

        def see(replay: Replay) -> ReplayMoment:
            if position > replay.total:
                raise NotFound(
                    f"{thread} has no position {position}", f"its positions are 0 to {replay.total}"
                )
            return view.moment(replay, position)

        return _answer(await replays.look(view.thread.id, see))

    @routes.get("/v1/threads/{thread:path}/replay", response_model=ReplayPage)
    async def replay_page(thread: str, since: Position = 0, limit: Limit = 100) -> Response:
        """The records of a thread in log order, each with the state before and after it."""
        view = _view(thread)
        page = partial(view.page, since=since, limit=limit)
        return _answer(await replays.look(view.thread.id, page))

    @routes.get("/v1/threads/{thread:path}/diff", response_model=ThreadDiff)
    async def thread_diff(
        request: Request,
        thread: str,
        other: Annotated[str, Query(alias="with")],
        since: Position = 0,
        limit: Limit = MAX_PAGE,
    ) -> Response:
        """Two threads compared step by step, and by what their records fold to."""
        left, right = _view(thread), _view(other)
        for view in (left, right):
            if (refusal := await refusal_to_read_thread(request.scope, engine, view.thread.id)) is not None:
                raise refusal
        sides = [await replays.look(view.thread.id, view.side) for view in (left, right)]
        return _answer(await asyncio.to_thread(diff_of, sides[0], sides[1], since, limit))

    return routes


def _answer(model: BaseModel) -> Response:
    # The framework would validate and copy every model once more on the event loop.
    return Response(model.model_dump_json(), media_type="application/json")


def _change(replay: Replay, at: int) -> StatusChange:
    change = replay.changes[at]
    record = replay.records[change.position - 1].record
    return StatusChange(
        position=change.position,
        status_before=change.before,
        status_after=change.after,
        record=record.id,
        act=record.act,
        topic=record.topic,
        actor=record.actor,
    )
