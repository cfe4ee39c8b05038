"""/v1/threads: list, state, records, participants, watch.

A thread is given by its id or by the alias of its task. Its name may contain slashes, so the routes with a
suffix come before the bare one.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from syncropel.api.http.paging import Cursor, Limit, pace_of, record_page
from syncropel.api.http.sse import EventStream, event_stream, record_events, resume_sequence
from syncropel.api.tasks.fork_views import child_threads, children_join
from syncropel.api.tasks.task_views import task_detail
from syncropel.api.threads.thread_views import find_line, thread_id, thread_summary
from syncropel.engine.engine import Engine
from syncropel.engine.views.lists import AT_A_STRETCH
from syncropel.folds.base.order import fold_order
from syncropel.folds.replay.thread_state import fold_thread
from syncropel.folds.threads.index import ThreadLine, participants
from syncropel.store.base import RecordFilter
from syncropel.wire import DispatchOut, Page, Participant, RecordOut, ThreadState, ThreadSummary


def router(engine: Engine) -> APIRouter:
    """The routes of threads."""
    routes = APIRouter(tags=["threads"])

    @routes.get("/v1/threads")
    async def list_threads(since: Cursor = None, limit: Limit = 100) -> Page[ThreadSummary]:
        """Threads, latest activity first. `since`: the cursor of the previous page."""
        wanted = engine.lists.threads(since, limit + 1)
        cursor = wanted[limit - 1].last_sequence if len(wanted) > limit else None
        rows: list[ThreadSummary] = []
        for line in wanted[:limit]:
            rows.append(thread_summary(engine, line))
            if len(rows) % AT_A_STRETCH == 0:
                await asyncio.sleep(0)
        return Page(data=rows, next_cursor=cursor)

    @routes.get("/v1/threads/{thread:path}/records", response_model=Page[RecordOut])
    async def thread_records(
        thread: str,
        since: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Records of a thread by clock; `since` is a clock."""
        name = find_line(engine, thread).id
        wanted = RecordFilter(thread=name, since=since, limit=limit)
        return await record_page(engine.store, wanted, pace_of(engine))

    @routes.get("/v1/threads/{thread:path}/state")
    async def thread_state(thread: str) -> ThreadState:
        """The folded state of a thread."""
        return await _state(engine, find_line(engine, thread))

    @routes.get("/v1/threads/{thread:path}/participants")
    async def thread_participants(thread: str) -> Page[Participant]:
        """Everyone who wrote on a thread, with inferred roles."""
        name = find_line(engine, thread).id
        lines = participants(fold_order(await engine.store.thread(name)))
        return Page(
            data=[
                Participant(
                    actor=one.actor,
                    records=one.records,
                    roles=one.roles,
                    first_clock=one.first_clock,
                    last_clock=one.last_clock,
                )
                for one in lines
            ]
        )

    @routes.get("/v1/threads/{thread:path}/watch", response_class=EventStream)
    async def watch_thread(request: Request, thread: str, since_clock: Cursor = None) -> Response:
        """Server-sent events `record.created` of one thread: those above `since_clock`, then new ones."""
        after, name = resume_sequence(request, None), thread_id(engine, thread)
        return event_stream(engine, record_events(engine, name, after, since_clock))

    @routes.get("/v1/threads/{thread:path}")
    async def get_thread(thread: str) -> ThreadSummary:
        """The summary of one thread."""
        return thread_summary(engine, find_line(engine, thread))

    return routes


async def _state(engine: Engine, line: ThreadLine) -> ThreadState:
    stored = await engine.store.thread(line.id)
    state = await asyncio.to_thread(fold_thread, line.id, stored)
    task = engine.ingest.live.tasks.get(line.id)
    closing = state.closing
    return ThreadState(
        thread=thread_summary(engine, line),
        opened_by=state.opened_by,
        clock=max((one.record.clock or 0 for one in stored), default=0),
        acts=state.acts,
        open_intends=state.open_intends(),
        closed_by=closing.record if closing else None,
        closed_as=closing.way if closing else "",
        task=task_detail(task, engine.instance.did) if task else None,
        child=_child_out(engine, line.id),
        parent=engine.ingest.live.parents.of(line.id, engine.ingest.live.tasks),
        children=child_threads(engine, line.id),
        children_join=await children_join(engine, line.id),
    )


def _child_out(engine: Engine, thread: str) -> DispatchOut | None:
    child = engine.ingest.live.children.get(thread)
    latest = child.latest if child else None
    if latest is None:
        return None
    budget, timeout = latest.body.get("budget_usd"), latest.body.get("timeout_secs")
    return DispatchOut(
        thread=latest.body["parent_thread"],
        alias="",
        index=latest.body["index"],
        goal=latest.body["goal"],
        child_thread=thread,
        instance=engine.instance.did,
        attempt=latest.attempt,
        started_at=engine.ingest.live.index.threads[thread].last_activity,
        budget_usd=budget if isinstance(budget, int | float) else None,
        timeout_secs=timeout if isinstance(timeout, int | float) else None,
    )
