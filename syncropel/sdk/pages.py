"""Reads more records than one answer holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from syncropel.client.calls import Call, query_records

PAGE: Final = 1000
"""Records that a daemon returns at once."""
FEWEST: Final = 200
"""The smallest page size, used where large records may not fit."""
MAX_OFFSET: Final = 10_000
"""The largest offset of a page of a sorted answer."""

Records = list[dict[str, Any]]
Answers = AsyncIterator[dict[str, Any] | None]
"""Raw pages; None, and nothing after it, when a request fails."""
Read = Callable[[Call[Any], None], Awaitable[Any]]
"""Sends a call; returns its raw answer, or None when there is none."""


async def collected(
    answers: Answers, limit: int, fits: Callable[[dict[str, Any]], bool] = lambda record: True
) -> Records | None:
    """The first `limit` matching records; None when a page request failed."""
    # Records added to a sorted answer between two pages shift others to the next page.
    found: dict[str, dict[str, Any]] = {}
    async for answer in answers:
        if answer is None:
            return None
        found |= {str(one.get("id", len(found))): one for one in _data(answer) if fits(one)}
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


async def list_answers(read: Read, listing: Callable[[int | None], Call[Any]], since: int | None) -> Answers:
    """The pages of a list; `listing` creates the call for the records after a cursor."""
    while True:
        answer = await read(listing(since), None)
        if not isinstance(answer, dict):
            yield None
            return
        yield answer
        since = answer.get("next_cursor")
        if since is None:
            return


async def query_answers(read: Read, document: Mapping[str, Any]) -> Answers:
    """The pages of a query, each of `document["limit"]` records."""
    page = dict(document)
    while True:
        answer = await read(query_records(page), None)
        if not isinstance(answer, dict):
            yield None
            return
        yield answer
        if "next_cursor" in answer:
            if answer["next_cursor"] is None:
                return
            page = {**document, "offset": 0, "cursor": answer["next_cursor"]}
            continue
        records = _data(answer)
        if len(records) < page["limit"]:
            return
        page = _next(document, page, records)


def check_sorted(limit: int, offset: int) -> None:
    """Raises ValueError when a sorted query would need an offset beyond the limit."""
    if offset + (limit - 1) // PAGE * PAGE > max(MAX_OFFSET, offset):
        raise ValueError(
            f"a sorted query gives up to {MAX_OFFSET + PAGE} records, its offset included; "
            "narrow the filter, or leave out the order"
        )


def _next(document: Mapping[str, Any], page: dict[str, Any], records: Records) -> dict[str, Any]:
    """The next page of a daemon that knows no cursors."""
    if document.get("sort"):
        return {**page, "offset": page.get("offset", 0) + len(records)}
    # Without a sort order records come by sequence: continuing after the last one costs less than an offset.
    after = {"$gt": records[-1].get("sequence", 0)}
    wanted = document["filter"]
    wanted = {"$and": [wanted], "sequence": after} if "sequence" in wanted else {**wanted, "sequence": after}
    return {**page, "filter": wanted, "offset": 0}


def _data(answer: Mapping[str, Any]) -> Records:
    data = answer.get("data")
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
