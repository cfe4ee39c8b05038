"""Pages: valid values of `since` and `limit`, and pages of records without losses or duplicates."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from fastapi import Query
from starlette.responses import Response

from syncropel.api.http.body import page_json
from syncropel.record.model import MAX_CLOCK, StoredRecord
from syncropel.store.base import RecordFilter, RecordStore

MAX_PAGE: Final = 1000

Cursor = Annotated[int | None, Query(ge=-1, le=MAX_CLOCK)]
"""A clock, a sequence, or a revision; exclusive: the answer begins after it."""
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
"""Most items in an answer."""


async def record_page(store: RecordStore, wanted: RecordFilter) -> Response:
    """The records of one page; `next_cursor` only when there are more.

    On a thread the cursor is a clock, and several actors may use one clock: a page ends between two clocks,
    so that the next page begins with the rest. It is longer only when more than `limit` records have the same
    clock.
    """
    limit = wanted.limit
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


def _page(found: list[StoredRecord], cursor: int | None) -> Response:
    return Response(page_json(found, cursor), media_type="application/json")


def _clock(stored: StoredRecord) -> int:
    assert stored.record.clock is not None  # every record in the log has one
    return stored.record.clock
