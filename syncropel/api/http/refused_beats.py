"""Heartbeats that are refused at the door: what is read of them is whose they say they are."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Receive, Scope

from syncropel.api.http.body import LONG_BODY_BYTES, REQUEST_LIMIT, read_body
from syncropel.engine.engine import Engine
from syncropel.errors import SyncropelError
from syncropel.record.canonical import parse_json

HEARTBEAT: Final = "/v1/fleet/heartbeat"


async def note_refused(scope: Scope, receive: Receive, engine: Engine, refusal: SyncropelError) -> None:
    """Note a heartbeat that a coordinator refuses before it comes to its route; other requests are not
    read."""
    if (scope["method"], scope["path"]) != ("POST", HEARTBEAT) or engine.settings.role == "worker":
        return
    try:
        raw = await read_body(scope, receive, REQUEST_LIMIT)
        beat = await asyncio.to_thread(parse_json, raw) if len(raw) > LONG_BODY_BYTES else parse_json(raw)
    except SyncropelError:
        return  # no heartbeat
    did = beat.get("did") if isinstance(beat, dict) else None
    if isinstance(did, str):
        engine.leases.refused(did, refusal.message)
