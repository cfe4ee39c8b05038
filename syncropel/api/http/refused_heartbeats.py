"""Notes refused heartbeats, for whatever reason: all that is read of them is whose they claim to be."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncropel.api.http.body import LONG_BODY_BYTES, REQUEST_LIMIT, read_body, replayed
from syncropel.engine.engine import Engine
from syncropel.engine.heartbeats import refuse_beat
from syncropel.errors import SyncropelError
from syncropel.record.canonical import parse_json

HEARTBEAT: Final = "/v1/fleet/heartbeat"
_FIRST_ERROR: Final = 400


class RefusedHeartbeats:
    """Notes each heartbeat that a coordinator refuses: unknown or revoked credential, wrong shape or
    protocol, or not a member. Its sender is running, and does not learn of freezes this way.
    """

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_heartbeat(scope):
            await self._app(scope, receive, send)
            return
        status, told, raw, failed = 0, b"", b"", None
        try:
            raw = await read_body(scope, receive, REQUEST_LIMIT)
        except SyncropelError as error:
            failed = error

        async def watched_send(message: Message) -> None:
            nonlocal status, told
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= _FIRST_ERROR:
                told += message.get("body", b"")
            await send(message)

        await self._app(scope, replayed(raw, receive, failed), watched_send)
        if status >= _FIRST_ERROR and (did := await _whose(raw)):
            await refuse_beat(self._engine, did, _why(status, told))

    def _is_heartbeat(self, scope: Scope) -> bool:
        if scope["type"] != "http" or self._engine.settings.role == "worker":
            return False
        return (scope["method"], scope["path"]) == ("POST", HEARTBEAT)


async def _whose(raw: bytes) -> str:
    """The DID that this heartbeat claims; empty when it has none."""
    try:
        beat = await asyncio.to_thread(parse_json, raw) if len(raw) > LONG_BODY_BYTES else parse_json(raw)
    except SyncropelError:
        return ""
    did = beat.get("did") if isinstance(beat, dict) else None
    return did if isinstance(did, str) else ""


def _why(status: int, told: bytes) -> str:
    try:
        answer: Any = json.loads(told)
    except ValueError:
        answer = None
    message = answer.get("message") if isinstance(answer, dict) else None
    return message if isinstance(message, str) else f"HTTP {status}"
