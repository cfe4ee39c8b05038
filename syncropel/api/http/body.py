"""Reads request bodies within a limit, and writes records without intermediate models."""

from __future__ import annotations

import asyncio
import json
from json.encoder import encode_basestring as quote
from typing import Any, Final

from starlette.types import Message, Receive, Scope

from syncropel.errors import BadRequest, InvalidRecord, RepeatedKey, SyncropelError, TooLarge
from syncropel.record.canonical import canonical_json, parse_json
from syncropel.record.model import MAX_BODY_BYTES, StoredRecord

REQUEST_LIMIT: Final = 2 * MAX_BODY_BYTES
"""Longest request with one record, in bytes, and of any other without a limit of its own."""
LONG_BODY_BYTES: Final = 64 * 1024
"""Longer bodies are parsed and hashed on another thread, so that they delay nobody."""


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole request body, in bytes.

    Raises TooLarge as soon as it exceeds `limit` bytes, BadRequest when the client left before its end.
    """
    if _announced(scope) > limit:
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("the connection ended before the request did", "send it again")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunk if len(chunks) == 1 else b"".join(chunks)


def limited(scope: Scope, receive: Receive, limit: int) -> Receive:
    """A `receive` that raises TooLarge as soon as the request exceeds `limit` bytes."""
    size = 0

    async def receive_within() -> Message:
        nonlocal size
        if size == 0 and _announced(scope) > limit:
            raise _too_large(limit)
        message = await receive()
        size += len(message.get("body", b""))
        if size > limit:
            raise _too_large(limit)
        return message

    return receive_within


async def read_once(scope: Scope, receive: Receive, limit: int) -> Receive:
    """A `receive` that returns the whole body, which has been read. Raises TooLarge as `read_body`, and
    RepeatedKey: a model would silently use one of the two values.
    """
    raw = await read_body(scope, receive, limit)
    if len(raw) > LONG_BODY_BYTES:
        await asyncio.to_thread(_refuse_repeated, raw)
    else:
        _refuse_repeated(raw)
    return replayed(raw, receive)


def replayed(raw: bytes, receive: Receive, failed: SyncropelError | None = None) -> Receive:
    """A `receive` that returns this body, which has been read; or raises why that failed."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if failed is not None:
            raise failed
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": raw, "more_body": False}

    return receive_again


def _refuse_repeated(raw: bytes) -> None:
    try:
        if raw:
            parse_json(raw)
    except RepeatedKey:
        raise
    except InvalidRecord:
        pass  # the route reports other errors in its own words


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the request is over the limit of {limit} bytes", "send less at a time")


def record_json(stored: StoredRecord, extra: str = "") -> str:
    """A record as the API returns it. `extra` is JSON text of more members, such as `,"duplicate":false`."""
    record = stored.record
    body = record.body_json or canonical_json(record.body)
    parents = ",".join(map(quote, record.parents))
    judged_by = "null" if record.judged_by is None else quote(record.judged_by)
    return (
        f'{{"object":"record","id":"{record.id}","thread":{quote(record.thread)},'
        f'"actor":{quote(record.actor)},"act":"{record.act}","clock":{record.clock},"parents":[{parents}],'
        f'"data_type":"{record.data_type}","judged_by":{judged_by},"body":{body},'
        f'"sequence":{stored.sequence},"received_at":{stored.received_at!r}{extra}}}'
    )


def page_json(records: list[StoredRecord], next_cursor: int | None) -> str:
    """A list answer of records."""
    data = ",".join(map(record_json, records))
    return f'{{"object":"list","data":[{data}],"next_cursor":{json.dumps(next_cursor)}}}'


def plain(value: Any) -> bytes:
    """Compact JSON bytes; a lone surrogate, which has no UTF-8, becomes a backslash escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
