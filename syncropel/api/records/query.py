"""/v1/records/query: search the log with a filter document."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from syncropel.api.http.body import read_body, record_json
from syncropel.api.http.paging import pace_of
from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.api.threads.thread_views import thread_id
from syncropel.engine.engine import Engine
from syncropel.record.canonical import parse_json
from syncropel.store.pace import WITHIN_SECS
from syncropel.store.query.cursors import MAX_CURSOR_CHARS
from syncropel.store.query.documents import LEAST_SECS, MOST_SECS, RecordQuery, read_query
from syncropel.store.query.limits import MAX_LIMIT, MAX_OFFSET
from syncropel.store.query.searching import Found, search
from syncropel.wire import QueryPlan, QueryProgress, QueryResult

QUERY_LIMIT: Final = 64 * 1024 + MAX_CURSOR_CHARS
"""Longest query document in bytes."""


def router(engine: Engine) -> APIRouter:
    """The route of queries."""
    routes = APIRouter(tags=["records"])

    @routes.post("/v1/records/query", response_model=QueryResult, openapi_extra=_query_body())
    async def query_records(request: Request) -> Response:
        """Records that match a query document, of one thread (by id or by its task's alias) or of the whole
        log. Records of threads that the permission rules keep from the caller are omitted.

        An answer has at most `limit` records, and comes after `within_secs` at the latest with those that
        were found by then, which may be none: repeat the query with `cursor` until `next_cursor` is null. All
        pages are about the log as it was for the first one.
        """
        document = parse_json(await read_body(request.scope, request.receive, QUERY_LIMIT))
        query = read_query(_with_thread_id(engine, document))
        if query.thread is not None:
            refusal = await refusal_to_read_thread(request.scope, engine, query.thread)
            if refusal is not None:
                raise refusal

        async def readable(thread: str) -> bool:
            return await refusal_to_read_thread(request.scope, engine, thread) is None

        found = await search(engine.store, query, readable, pace_of(engine, query.within_secs))
        text = await asyncio.to_thread(answer, query, found)
        return Response(text, media_type="application/json")

    return routes


def _with_thread_id(engine: Engine, document: Any) -> Any:
    """The document with the thread's id in place of a task's alias."""
    name = document.get("thread") if isinstance(document, dict) else None
    return {**document, "thread": thread_id(engine, name)} if isinstance(name, str) else document


def answer(query: RecordQuery, found: Found) -> str:
    """A page as JSON (a QueryResult)."""
    end = query.offset + query.limit
    by_offset = query.cursor is None and found.stopped_for == "limit" and end <= MAX_OFFSET
    progress = QueryProgress(
        looked_at=found.looked_at, to_look_at=found.to_look_at, through=found.through
    ).model_dump()
    members = {
        "next_cursor": found.cursor.text(query.mark) if found.cursor is not None else None,
        "stopped_for": found.stopped_for,
        "progress": progress,
        "next_offset": end if by_offset else None,
        "plan": _plan(query, found.examined).model_dump() if query.explain else None,
    }
    data = ",".join(map(record_json, found.records))
    return f'{{"object":"list","data":[{data}],{json.dumps(members)[1:]}'


def _plan(query: RecordQuery, examined: int) -> QueryPlan:
    return QueryPlan(
        walked="log" if query.thread is None else "thread",
        thread=query.thread,
        after=query.after if query.thread is None else None,
        examined=examined,
        sorted=query.order.place is not None,
    )


def _query_body() -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "filter": {"type": "object", "description": "what the records must have; without it, all match"},
            "thread": {"type": "string", "description": "only this thread, by its id or its task's alias"},
            "sort": {
                "description": "paths to sort by, `-` or -1 for the highest first; without it, by sequence",
                "oneOf": [
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "object", "additionalProperties": {"enum": [1, -1]}},
                ],
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": MAX_LIMIT,
                "default": 100,
                "description": "at most so many",
            },
            "offset": {
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_OFFSET,
                "default": 0,
                "description": "matches to skip, on the first page",
            },
            "cursor": {
                "type": ["string", "null"],
                "description": "`next_cursor` of the page before, with the same filter, thread, and sort",
            },
            "within_secs": {
                "type": "number",
                "description": "seconds after which it answers with what it has found",
                "minimum": LEAST_SECS,
                "maximum": MOST_SECS,
                "default": WITHIN_SECS,
            },
            "explain": {
                "type": "boolean",
                "default": False,
                "description": "whether to add how the answer was found",
            },
        },
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
