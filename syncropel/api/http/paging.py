"""Pages: valid values of `since` and `limit`, and pages of records without losses or duplicates."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from syncropel.api.http.body import page_json
from syncropel.engine.engine import Engine
from syncropel.record.model import MAX_CLOCK, StoredRecord
from syncropel.store.base import RecordFilter, RecordStore
from syncropel.store.pace import WITHIN_SECS, Pace
from syncropel.store.walks import Needed, Walk

MAX_PAGE: Final = 1000

Cursor = Annotated[int | None, Query(ge=-1, le=MAX_CLOCK)]
"""A clock, a sequence, or a revision; exclusive: the answer begins after it."""
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
"""Most items in an answer."""


def pace_of(engine: Engine, within_secs: float = WITHIN_SECS) -> Pace:
    """The pace of a request that looks through the log, from now on."""
    now = engine.runtime.monotonic
    return Pace(now, now() + within_secs, lambda: engine.stopping)


async def record_page(store: RecordStore, wanted: RecordFilter, pace: Pace) -> Response:
    """The records of one page; `next_cursor` only when there may be more.

    Where the log has to be looked through for an actor, an act, or a topic, the page ends when its time is
    up, with what was found by then.

    On a thread the cursor is a clock, and several actors may use one clock: a page ends between two clocks,
    so that the next page begins with the rest. It is longer only when more than `limit` records have the same
    clock.
    """
    limit = wanted.limit
    if wanted.thread is None and not (wanted.actor is wanted.act is wanted.topic is None):
        return await _walked_page(store, wanted, pace)
    found = await store.query(replace(wanted, limit=limit + 1))
    if wanted.thread is None:
        cursor = found[limit - 1].sequence if len(found) > limit else None
        return _page(found[:limit], cursor)
    while len(found) > limit and _clock(found[0]) == _clock(found[-1]):
        limit *= 2
        found = await store.query(replace(wanted, limit=limit + 1))
    if len(found) <= limit:
        return _page(found, None)
    last = _clock(found[-1])
    kept = [stored for stored in found if _clock(stored) != last]
    return _page(kept, _clock(kept[-1]))


async def _walked_page(store: RecordStore, wanted: RecordFilter, pace: Pace) -> Response:
    found: list[StoredRecord] = []

    def visit(stored: StoredRecord) -> bool:
        if wanted.fits(stored):
            found.append(stored)
        return len(found) <= wanted.limit

    columns = {"actor": wanted.actor, "act": wanted.act, "topic": wanted.topic}
    needed = Needed(
        tuple((name, text) for name, text in columns.items() if text is not None), without=wanted.without
    )
    rest: Walk | None = Walk(after=max(wanted.since or 0, 0), until=store.last_sequence, needed=needed)
    while rest is not None:
        rest = await pace.stretch(store, rest, visit)
        if len(found) > wanted.limit:
            return _page(found[: wanted.limit], found[wanted.limit - 1].sequence)
        if pace.is_up:
            break
    return _page(found, None if rest is None else rest.after)


def _page(found: list[StoredRecord], cursor: int | None) -> Response:
    return Response(page_json(found, cursor), media_type="application/json")


def _clock(stored: StoredRecord) -> int:
    assert stored.record.clock is not None  # every record in the log has one
    return stored.record.clock
