"""Server-sent events (WHATWG HTML, section 9.2): records as they come, with resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from syncropel.api.http.body import record_json
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Unavailable
from syncropel.record.model import MAX_CLOCK, StoredRecord
from syncropel.store.base import RecordFilter
from syncropel.store.pace import STRETCH_SECS
from syncropel.store.walks import Walk

HEARTBEAT_SECS: Final = 30.0
RETRY_AFTER_MS: Final = 1000
PAGE: Final = 1000
"""Records of a history that are read at once."""


class EventStream(StreamingResponse):
    """A response that lasts as long as both sides want."""

    media_type = "text/event-stream"


def event(name: str, data: str, cursor: int | None = None) -> str:
    """One event; `data` is JSON text without line breaks."""
    head = f"id: {cursor}\n" if cursor is not None else ""
    return f"{head}event: {name}\ndata: {data}\n\n"


def server_shutdown() -> str:
    return event("server_shutdown", json.dumps({"retry_after_ms": RETRY_AFTER_MS}))


def event_stream(engine: Engine, events: AsyncIterator[str | bytes]) -> EventStream:
    """A response that sends these events. Raises Unavailable when the daemon is stopping."""
    if engine.stopping:
        raise Unavailable("the daemon is stopping", "watch again after the restart")
    return EventStream(events, headers={"cache-control": "no-cache", "x-accel-buffering": "no"})


def resume_sequence(request: Request, since: int | None) -> int | None:
    """Where to resume: `Last-Event-ID` first, otherwise `since`; None means from now on."""
    last = request.headers.get("last-event-id")
    if last is None:
        return since
    if not (last.isascii() and last.isdigit() and len(last) < 20 and int(last) <= MAX_CLOCK):
        raise BadRequest(
            f"Last-Event-ID {last[:40]!r} is not a cursor", "send the id of the last event you had"
        )
    return int(last)


def _record_event(stored: StoredRecord) -> str:
    data = f'{{"id":"{stored.record.id}","record":{record_json(stored)}}}'
    return event("record.created", data, stored.sequence)


async def record_events(
    engine: Engine,
    thread: str | None,
    after: int | None,
    since_clock: int | None = None,
    without: str | None = None,
) -> AsyncIterator[str]:
    """Records after a sequence (or with a clock above `since_clock`), then new ones; of one thread, or of all
    except `without`.

    The cursor of an event is its record's sequence. Listening starts before the log is read, so nothing is
    missed in between; duplicates are sent once.
    """
    watcher = engine.broadcast.watch(
        lambda stored: stored.record.thread != without and thread in (None, stored.record.thread)
    )
    try:
        # A client may have read a record in the log before watchers hear of it; another log's cursor is none.
        last = after if after and await engine.store.query(RecordFilter(since=after - 1, limit=1)) else 0
        async for stored in _history(engine, thread, after, since_clock, without):
            last = max(last, stored.sequence)
            yield _record_event(stored)
        while True:
            try:
                fresh = await asyncio.wait_for(watcher.take(), HEARTBEAT_SECS)
            except TimeoutError:
                yield event("heartbeat", json.dumps({"at": engine.runtime.now()}))
                continue
            for stored in fresh:
                if stored.sequence > last:
                    yield _record_event(stored)
            if watcher.lagged:
                told = {"code": "lagged", "message": "too slow: some records were not sent", "hint": "resume"}
                yield event("error", json.dumps(told))
                return
            if watcher.closed:
                yield server_shutdown()
                return
    finally:
        engine.broadcast.forget(watcher)


async def _history(
    engine: Engine, thread: str | None, after: int | None, since_clock: int | None, without: str | None
) -> AsyncIterator[StoredRecord]:
    if thread is not None and (after is not None or since_clock is not None):
        rest: Walk | None = Walk(after=after or 0, until=engine.store.last_sequence, thread=thread)
        while rest is not None and not engine.stopping:
            rest, page = await _thread_page(engine, rest, since_clock)
            for stored in page:
                yield stored
    elif after is not None:
        since = after
        while page := await engine.store.query(RecordFilter(since=since, limit=PAGE, without=without)):
            if engine.stopping:
                return
            since = page[-1].sequence
            for stored in page:
                yield stored


async def _thread_page(
    engine: Engine, walk: Walk, since_clock: int | None
) -> tuple[Walk | None, list[StoredRecord]]:
    """The next records of a thread's history, and the rest: a long thread does not fit in memory."""
    page: list[StoredRecord] = []

    def visit(stored: StoredRecord) -> bool:
        if since_clock is None or (stored.record.clock or 0) > since_clock:
            page.append(stored)
        return len(page) < PAGE

    until = engine.runtime.monotonic() + STRETCH_SECS
    rest = await engine.store.walk(
        walk, visit, lambda: engine.runtime.monotonic() >= until, lambda: engine.stopping
    )
    return rest, page
