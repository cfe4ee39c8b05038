"""What a client reads: the first records of a thread, the log, or a query, across pages."""

from __future__ import annotations

from typing import Any

from syncropel.client.calls import Call, records, thread_records
from syncropel.sdk.pages import (
    FEWEST,
    PAGE,
    Read,
    Records,
    check_sorted,
    collected,
    list_answers,
    query_answers,
)


async def of_thread(read: Read, thread: str, limit: int, since: int | None) -> Records:
    """The first `limit` records of a thread with a clock above `since`."""

    def listing(after: int | None) -> Call[Any]:
        return thread_records(thread, since=after, limit=min(limit, PAGE))

    return await collected(list_answers(read, listing, since), limit) or []


async def filtered(
    read: Read,
    thread: str | None,
    actor: str | None,
    conditions: dict[str, Any],
    since: int | None,
    limit: int,
) -> Records:
    """The first `limit` records of a thread, an actor, or the whole log in which these paths have these
    values.

    `since`: a clock when a thread is given, otherwise a sequence.
    """

    def listing(after: int | None) -> Call[Any]:
        return records(thread=thread, actor=actor, since=after, limit=size)

    def fits(record: dict[str, Any]) -> bool:
        return all(_at(record, path) == value for path, value in conditions.items())

    if limit < 1:
        return []
    size = min(max(limit, FEWEST) if conditions else limit, PAGE)
    if thread or actor:
        return await collected(list_answers(read, listing, since), limit, fits) or []
    after = {} if since is None else {"sequence": {"$gt": since}}
    document = {"filter": {"body.kind": conditions["body.kind"], **after}, "limit": size}
    return await collected(query_answers(read, document), limit, fits) or []


async def queried(read: Read, document: dict[str, Any]) -> dict[str, Any]:
    """The records of a query with any `limit` (default 100), and the plan of its first page if it asks for
    one.

    Raises ValueError when it asks for more than a daemon sorts.
    """
    limit, plans = document.get("limit", 100), []
    if limit < 1:
        return {"records": []}
    if document.get("sort"):
        check_sorted(limit, document.get("offset", 0))

    async def noting(call: Call[Any], otherwise: None) -> Any:
        answer = await read(call, otherwise)
        plans.append(answer.get("plan") if isinstance(answer, dict) else None)
        return answer

    found = await collected(query_answers(noting, {**document, "limit": min(limit, PAGE)}), limit)
    planned = {"plan": plans[0]} if plans and plans[0] is not None else {}
    return {"records": found or [], **planned}


def _at(record: dict[str, Any], path: str) -> Any:
    """The value at a path such as `body.title`; None if there is none."""
    value: Any = record
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
