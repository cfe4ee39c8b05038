"""/v1/records/query: search the log with a filter document."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from syncropel.api.http.body import read_body, record_json
from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.api.threads.thread_views import thread_id
from syncropel.engine.engine import Engine
from syncropel.record.canonical import parse_json
from syncropel.record.model import StoredRecord
from syncropel.store.query.searching import MAX_LIMIT, MAX_OFFSET, Found, RecordQuery, read_query, search
from syncropel.wire import QueryPlan, QueryResult

QUERY_LIMIT: Final = 64 * 1024
"""Longest query document in bytes."""
_AT_ONCE: Final = 2
"""Queries that scan the log at once; others wait, so that posting records does not."""


def router(engine: Engine) -> APIRouter:
    """The route of queries."""
    routes = APIRouter(tags=["records"])
    turn = asyncio.Semaphore(_AT_ONCE)

    @routes.post("/v1/records/query", response_model=QueryResult, openapi_extra=_query_body())
    async def query_records(request: Request) -> Response:
        """Records that match a query document, of one thread (by id or by its task's alias) or of the whole
        log. Records of threads that the permission rules keep from the caller are omitted.
        """
        document = parse_json(await read_body(request.scope, request.receive, QUERY_LIMIT))
        query = read_query(_with_thread_id(engine, document))
        if query.thread is not None:
            refusal = await refusal_to_read_thread(request.scope, engine, query.thread)
            if refusal is not None:
                raise refusal

        async def readable(thread: str) -> bool:
            return await refusal_to_read_thread(request.scope, engine, thread) is None

        async with turn:
            found = await search(engine.store, query, readable, lambda: engine.stopping)
        text = await asyncio.to_thread(_answer, query, found)
        return Response(text, media_type="application/json")

    return routes


def _with_thread_id(engine: Engine, document: Any) -> Any:
    """The document with the thread's id in place of a task's alias."""
    name = document.get("thread") if isinstance(document, dict) else None
    return {**document, "thread": thread_id(engine, name)} if isinstance(name, str) else document


def _answer(query: RecordQuery, found: Found) -> str:
    end = query.offset + query.limit
    following = end if found.more and end <= MAX_OFFSET else None
    plan = json.dumps(_plan(query, found.examined).model_dump() if query.explain else None)
    data = ",".join(_records(found.records))
    return f'{{"object":"list","data":[{data}],"next_offset":{json.dumps(following)},"plan":{plan}}}'


def _records(records: list[StoredRecord]) -> list[str]:
    return [record_json(stored) for stored in records]


def _plan(query: RecordQuery, examined: int) -> QueryPlan:
    return QueryPlan(
        walked="log" if query.thread is None else "thread",
        thread=query.thread,
        after=query.after if query.thread is None else None,
        examined=examined,
        sorted=bool(query.sort),
    )


def _query_body() -> dict[str, Any]:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "filter": {"type": "object"},
            "thread": {"type": "string"},
            "sort": {
                "oneOf": [
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "object", "additionalProperties": {"enum": [1, -1]}},
                ]
            },
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 100},
            "offset": {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET, "default": 0},
            "explain": {"type": "boolean", "default": False},
        },
    }
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
