"""A client of the real application, in the event loop of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from syncropel import Client, EmitResult, Identity
from syncropel.api.http.auth import OperatorDoor
from syncropel.offline.in_process import InProcessTransport, LoopThread
from tests.api.conftest import Api, _own_home, api, make_api
from tests.cli.live import daemon_home
from tests.known_routes import each_route_is_analysed_once

__all__ = ["_own_home", "api", "daemon_home", "each_route_is_analysed_once", "make_api"]
WHO = Identity.static("did:sync:user:tester")
TRACK = "music.catalog.track"
THREAD = "music.library"


class _Here:
    """Runs the application in the event loop of the test."""

    def submit(self, work: Any) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(work)


def make_client(app: Any, **options: Any) -> Client:
    """A client of this application; options replace what a test seldom wants to say."""
    transport = InProcessTransport(app, cast("LoopThread", _Here()))
    return Client(**{"identity": WHO, "backoff_ms": 0, "transport": transport, **options})


@pytest.fixture
async def client(api: Api) -> AsyncIterator[Client]:
    """Speaks through the operator's door."""
    async with make_client(OperatorDoor(api.app)) as opened:
        yield opened


async def put(client: Client, n: int, **changes: Any) -> EmitResult:
    """Emit a record that has to be taken."""
    fields = {"act": "PUT", "kind": TRACK, "body": {"n": n}, "thread": THREAD, **changes}
    result = await client.emit(**fields)
    assert result.success, result.error
    return result


def numbers(records: list[dict[str, Any]]) -> list[int]:
    return [one["body"]["n"] for one in records]
