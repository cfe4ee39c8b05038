"""/v1/records: append, batch, list, get, watch.

Posting one record is the hot path: it is a bare ASGI handler without dependency injection or models.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from syncropel.api.body import page_json, plain, read_body, record_json
from syncropel.api.schema import BatchResult, Page, PostedRecord, RecordOut
from syncropel.api.sse import record_events, resume_sequence, sse
from syncropel.engine.engine import Engine
from syncropel.errors import InvalidRecord, NotFound, SyncropelError, TooLarge
from syncropel.record import MAX_BODY_BYTES, Record, parse_json, parse_record
from syncropel.store.base import Appended, RecordFilter

REQUEST_LIMIT: Final = 2 * MAX_BODY_BYTES
BATCH_LIMIT: Final = 32 * MAX_BODY_BYTES
MAX_BATCH: Final = 10_000
MAX_PAGE: Final = 1000

_JSON: Final = [(b"content-type", b"application/json")]


class PostRecord:
    """POST /v1/records, as an ASGI app: 201 for a new record, 200 for one that was there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        record = parse_record(parse_json(await read_body(scope, receive, REQUEST_LIMIT)))
        outcome = await self._engine.ingest.append_one(record)
        duplicate = "false" if outcome.created else "true"
        content = record_json(outcome.stored, f',"duplicate":{duplicate}').encode()
        headers = [*_JSON, (b"content-length", str(len(content)).encode())]
        await send(
            {
                "type": "http.response.start",
                "status": 201 if outcome.created else 200,
                "headers": headers,
            }
        )
        await send({"type": "http.response.body", "body": content})


def router(engine: Engine) -> APIRouter:
    """The routes of records. POST /v1/records itself is answered by `PostRecord`, before routing."""
    routes = APIRouter(tags=["records"])

    @routes.post("/v1/records", status_code=201, response_model=PostedRecord, openapi_extra=_record_body())
    async def post_record(request: Request) -> Response:
        """Append one record. Without `clock` the daemon assigns the next one on the thread."""
        raise AssertionError(f"{request.url.path} is answered before routing")

    @routes.post("/v1/records/batch", response_model=BatchResult, openapi_extra=_batch_body())
    async def post_batch(request: Request) -> Response:
        """Append many records in one commit: a JSON list, or NDJSON. Each gets its own outcome."""
        raw = await read_body(request.scope, request.receive, BATCH_LIMIT)
        outcomes = await _append_batch(engine, _split_batch(raw))
        counts = {status: sum(one["status"] == status for one in outcomes) for status in _STATUSES}
        body = {
            "object": "list",
            "data": outcomes,
            "created": counts["created"],
            "duplicates": counts["duplicate"],
            "errors": counts["error"],
        }
        return Response(plain(body), media_type="application/json")

    @routes.get("/v1/records", response_model=Page[RecordOut])
    async def list_records(
        thread: str | None = None,
        actor: str | None = None,
        act: str | None = None,
        topic: str | None = None,
        since: Annotated[int | None, Query(ge=-1)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    ) -> Response:
        """Records in the log. `since` is a clock when `thread` is given, else a sequence."""
        found = await engine.store.query(RecordFilter(thread, actor, act, topic, since, limit))
        return page(found, limit, by_clock=thread is not None)

    @routes.get("/v1/records/watch")
    async def watch_records(request: Request, since: int | None = None) -> Response:
        """Server-sent events `record.created`; resumes after `Last-Event-ID` or `since` (a sequence)."""
        return sse(record_events(engine, None, resume_sequence(request, since)))

    @routes.get("/v1/records/{record_id}", response_model=RecordOut)
    async def get_record(record_id: str) -> Response:
        """One record by its id."""
        stored = await engine.store.get(record_id)
        if stored is None:
            raise NotFound(
                f"no record {record_id}", "ids are 64 hex digits; was it written on another instance?"
            )
        return Response(record_json(stored), media_type="application/json")

    return routes


_STATUSES: Final = ("created", "duplicate", "error")


def page(found: list[Any], limit: int, *, by_clock: bool) -> Response:
    """A page of records; the cursor is the last clock or sequence when there may be more."""
    cursor: int | None = None
    if len(found) == limit:
        cursor = found[-1].record.clock if by_clock else found[-1].sequence
    return Response(page_json(found, cursor), media_type="application/json")


def _split_batch(raw: bytes) -> list[Any]:
    text = raw.strip()
    if not text:
        raise InvalidRecord("the batch is empty", "send a JSON list of records, or one record a line")
    if text.startswith(b"["):
        items = parse_json(text)
    else:
        items = []
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    items.append(parse_json(line))
                except InvalidRecord as error:
                    raise InvalidRecord(f"line {number}: {error.message}", error.hint) from None
    if not isinstance(items, list):
        raise InvalidRecord("a batch is a list of records", "send a JSON list, or one record a line")
    if len(items) > MAX_BATCH:
        raise TooLarge(f"{len(items)} records, over the limit of {MAX_BATCH}", "send them in several batches")
    return items


async def _append_batch(engine: Engine, items: list[Any]) -> list[dict[str, Any]]:
    parsed: list[Record | SyncropelError] = []
    for item in items:
        try:
            parsed.append(parse_record(item))
        except SyncropelError as error:
            parsed.append(error)
    outcomes = iter(await engine.ingest.append([one for one in parsed if isinstance(one, Record)]))
    return [_outcome(one if isinstance(one, SyncropelError) else next(outcomes)) for one in parsed]


def _outcome(outcome: Appended | SyncropelError) -> dict[str, Any]:
    if isinstance(outcome, SyncropelError):
        return {"status": "error", "error": outcome.envelope()}
    stored = outcome.stored
    return {
        "status": "created" if outcome.created else "duplicate",
        "id": stored.record.id,
        "clock": stored.record.clock,
        "sequence": stored.sequence,
    }


def _record_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["thread", "actor", "act"],
        "properties": {
            "thread": {"type": "string", "maxLength": 512},
            "actor": {"type": "string", "maxLength": 512},
            "act": {"enum": ["INTEND", "DO", "KNOW", "LEARN", "GET", "PUT", "CALL", "MAP"]},
            "body": {"type": "object"},
            "clock": {"type": "integer", "minimum": 0},
            "parents": {"type": "array", "items": {"type": "string"}, "maxItems": 256},
            "data_type": {
                "enum": ["SCALAR", "FORMULA", "DISTRIBUTION", "REFERENCE", "MORPHISM", "VOID"],
                "default": "SCALAR",
            },
            "judged_by": {"type": ["string", "null"]},
        },
    }


def _record_body() -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _record_schema()}}}}


def _batch_body() -> dict[str, Any]:
    content = {
        "application/json": {"schema": {"type": "array", "items": _record_schema()}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    return {"requestBody": {"required": True, "content": content}}
