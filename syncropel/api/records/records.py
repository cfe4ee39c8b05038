"""/v1/records: append, batch, list, get, watch.

Posting one record is the hot path: it is a bare ASGI handler without dependency injection or models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from syncropel.api.http.auth import refusal_to_write
from syncropel.api.http.body import LONG_BODY_BYTES, REQUEST_LIMIT, plain, read_body, record_json
from syncropel.api.http.caller import own_name, writer
from syncropel.api.http.operators_only import refuse_goals
from syncropel.api.http.paging import Cursor, Limit, pace_of, record_page
from syncropel.api.http.reading import refusal_to_read_thread, withheld
from syncropel.api.http.sse import EventStream, event_stream, record_events, resume_sequence
from syncropel.engine.engine import Engine
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.refused_reports import known_result
from syncropel.errors import BadRequest, InvalidRecord, NotFound, SyncropelError, TooLarge
from syncropel.record.canonical import parse_json
from syncropel.record.model import (
    ACTS,
    DATA_TYPES,
    MAX_BODY_BYTES,
    MAX_NAME_CHARS,
    MAX_PARENTS,
    Record,
    parse_record,
)
from syncropel.store.base import Outcome, RecordFilter
from syncropel.wire import BatchResult, Page, PostedRecord, RecordOut

BATCH_LIMIT: Final = 32 * MAX_BODY_BYTES
MAX_BATCH: Final = 10_000

_Parsed = TypeVar("_Parsed")
_JSON: Final = [(b"content-type", b"application/json")]


class PostRecord:
    """POST /v1/records, as an ASGI app: 201 for a new record, 200 for a duplicate."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = _unsigned(scope)
        record = await _parse(partial(_parse_one, own), await read_body(scope, receive, REQUEST_LIMIT))
        if (refusal := refusal_to_write(scope, record, self._engine.settings.role)) is not None:
            raise refusal
        await refuse_goals(scope, [record], self._engine.ingest.live)
        outcome = await self._engine.ingest.append_one(record, writer=writer(scope))
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
    """The routes of records. POST /v1/records itself is handled by `PostRecord`, before routing."""
    routes = APIRouter(tags=["records"])

    @routes.post("/v1/records", status_code=201, response_model=PostedRecord, openapi_extra=_record_body())
    async def post_record(request: Request) -> Response:
        """Append one record. Without `clock` the daemon assigns the next one on the thread."""
        raise AssertionError(f"{request.url.path} is answered before routing")

    @routes.post("/v1/records/batch", response_model=BatchResult, openapi_extra=_batch_body())
    async def post_batch(request: Request) -> Response:
        """Append many records in one commit: a JSON list, or NDJSON. Each gets its own outcome."""
        raw = await read_body(request.scope, request.receive, BATCH_LIMIT)
        items = await _parse(partial(_parse_batch, _unsigned(request.scope)), raw)
        outcomes = await _append_batch(engine, request.scope, items)
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
        request: Request,
        thread: str | None = None,
        actor: str | None = None,
        act: str | None = None,
        topic: str | None = None,
        since: Cursor = None,
        limit: Limit = 100,
    ) -> Response:
        """Records in the log. `since` is a clock when `thread` is given, otherwise a sequence. Records of a
        thread that the caller may not read are omitted.

        Without `thread`, an actor, an act, or a topic is looked for in the log for three seconds at most, so
        a page may have fewer records, or none, and still a `next_cursor`.
        """
        if act is not None and act not in ACTS:
            raise BadRequest(f"no act {act!r}", f"one of {', '.join(sorted(ACTS))}")
        wanted = RecordFilter(thread, actor, act, topic, since, limit, withheld(request.scope))
        return await record_page(engine.store, wanted, pace_of(engine))

    @routes.get("/v1/records/watch", response_class=EventStream)
    async def watch_records(request: Request, since: Cursor = None) -> Response:
        """Server-sent events `record.created`; resumes after `Last-Event-ID` or `since` (a sequence)."""
        after = resume_sequence(request, since)
        return event_stream(engine, record_events(engine, None, after, without=withheld(request.scope)))

    @routes.get("/v1/records/{record_id}", response_model=RecordOut)
    async def get_record(request: Request, record_id: str) -> Response:
        """One record by its id."""
        stored = await engine.store.get(record_id)
        if stored is None:
            raise NotFound(
                f"no record {record_id}", "ids are 64 hex digits; was it written on another instance?"
            )
        refusal = await refusal_to_read_thread(request.scope, engine, stored.record.thread)
        if refusal is not None:
            raise refusal
        await engine.quarantine.refuse_altered([stored])
        return Response(record_json(stored), media_type="application/json")

    return routes


_STATUSES: Final = ("created", "duplicate", "error")


async def _parse(parse: Callable[[bytes], _Parsed], raw: bytes) -> _Parsed:
    return parse(raw) if len(raw) <= LONG_BODY_BYTES else await asyncio.to_thread(parse, raw)


def _unsigned(scope: Scope) -> str:
    """The default actor of a record that names none; empty where it must name one."""
    author = writer(scope)
    return own_name(author) if author.author in ("account", "anyone") else ""


def _signed(own: str, item: Any) -> Any:
    return {**item, "actor": own} if own and isinstance(item, dict) and "actor" not in item else item


def _parse_one(own: str, raw: bytes) -> Record:
    return parse_record(_signed(own, parse_json(raw)))


def _parse_batch(own: str, raw: bytes) -> list[Record | SyncropelError]:
    """Every record of a batch, or its error. Raises InvalidRecord when the boundaries of records cannot be
    determined, TooLarge when there are too many.
    """
    text = raw.strip()
    if not text:
        raise InvalidRecord("the batch is empty", "send a JSON list of records, or one record a line")
    if text.startswith(b"["):
        items = parse_json(text)
        _limit_batch(len(items))
        return [_parsed(_signed(own, item)) for item in items]
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    _limit_batch(len(lines))
    return [_parsed_line(own, number, line) for number, line in lines]


def _limit_batch(count: int) -> None:
    if count > MAX_BATCH:
        raise TooLarge(f"{count} records, over the limit of {MAX_BATCH}", "send them in several batches")


def _parsed(item: Any) -> Record | SyncropelError:
    try:
        return parse_record(item)
    except SyncropelError as error:
        return error


def _parsed_line(own: str, number: int, line: bytes) -> Record | SyncropelError:
    try:
        return _parsed(_signed(own, parse_json(line)))
    except InvalidRecord as error:
        return InvalidRecord(f"line {number}: {error.message}", error.hint)


async def _append_batch(
    engine: Engine, scope: Scope, items: list[Record | SyncropelError]
) -> list[dict[str, Any]]:
    role = engine.settings.role
    allowed = [
        refusal_to_write(scope, item, role) or item if isinstance(item, Record) else item for item in items
    ]
    wanted = [one for one in allowed if isinstance(one, Record)]
    await refuse_goals(scope, wanted, engine.ingest.live)
    outcomes = iter(await engine.ingest.append(wanted, writer=writer(scope)))
    live = engine.ingest.live
    return [
        _outcome(next(outcomes), one, live) if isinstance(one, Record) else _refused(one) for one in allowed
    ]


def _refused(error: SyncropelError, known: dict[str, str] | None = None) -> dict[str, Any]:
    """The outcome of a refused record of a batch. `known`: of a report, what is known already."""
    return {"status": "error", "error": error.envelope(), **({"known": known} if known else {})}


def _outcome(outcome: Outcome, record: Record, live: LiveFolds) -> dict[str, Any]:
    """The outcome of one record of a batch."""
    if isinstance(outcome, SyncropelError):
        return _refused(outcome, known_result(record, live))
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
            "thread": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS},
            "actor": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS},
            "act": {"enum": sorted(ACTS)},
            "body": {"type": "object"},
            "clock": {"type": "integer", "minimum": 0},
            "parents": {"type": "array", "items": {"type": "string"}, "maxItems": MAX_PARENTS},
            "data_type": {"enum": sorted(DATA_TYPES), "default": "SCALAR"},
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
