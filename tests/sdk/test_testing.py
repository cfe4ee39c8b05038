"""The log in memory that programs test against, with an event loop and without."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel import Client, RemoteError, SyncClient
from syncropel.testing import MockKernel

from .conftest import TRACK, WHO, numbers, put


async def test_it_takes_records_and_gives_them_back() -> None:
    kernel = MockKernel()
    async with Client(endpoint="http://mock", identity=WHO, transport=kernel.transport()) as client:
        results = [await put(client, n, thread=f"t.{n % 2}") for n in range(4)]
        assert numbers(await client.query_thread("t.1")) == [1, 3]
        assert numbers(await client.query(kind=TRACK)) == [0, 1, 2, 3]
        found = await client.rich_query(filter={"body.n": {"$gt": 0}}, sort={"body.n": -1}, limit=2)
        assert numbers(found["records"]) == [3, 2]
        assert await client.health() == {"status": "ok", "store": "mock", "records": 4}
    assert [one["id"] for one in kernel.records] == [result.record_id for result in results]
    assert numbers(kernel.records_in("t.0")) == numbers(kernel.threads["t.0"]) == [0, 2]
    assert len(kernel.records_by_kind(TRACK)) == len(kernel.records_by_actor(WHO.actor_did)) == 4
    assert (kernel.records_in("none"), kernel.records_by_kind("x"), kernel.count()) == ([], [], 4)
    kernel.clear()
    assert (kernel.count(), kernel.threads) == (0, {})


async def test_it_refuses_as_a_daemon_does() -> None:
    kernel = MockKernel()
    client = Client(identity=WHO, transport=kernel.transport(), strict=True)
    assert (await put(client, 0, clock=7)).success
    assert (await put(client, 0, clock=7)).success
    taken = await client.emit(act="PUT", kind=TRACK, body={"n": 1}, thread="music.library", clock=7)
    assert "DuplicateClock" in str(taken.error)
    assert kernel.count() == 1
    with pytest.raises(RemoteError, match="nor"):
        await client.rich_query(filter={"$nor": []})


def test_failures_on_purpose_and_no_event_loop() -> None:
    kernel = MockKernel()
    with SyncClient(Client(identity=WHO, transport=kernel.transport(), backoff_ms=0)) as client:
        kernel.fail_next_post()
        fields: dict[str, Any] = {"act": "PUT", "kind": TRACK, "body": {"n": 1}, "thread": "t"}
        result = client.emit(**fields)
        assert (result.success, result.retried) == (True, 1)
        kernel.fail_next_post(3)
        assert not client.emit(**fields).success
        kernel.fail_next_get()
        assert (client.query_thread("t"), len(client.query_thread("t"))) == ([], 1)
    assert Client(identity=WHO, transport=kernel.transport()).emit_sync(**fields).success
