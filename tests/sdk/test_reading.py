"""Reading: as many records as were asked for, in order, and what is said when a daemon does not answer."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest

from syncropel import Client, DaemonUnreachable, RemoteError
from tests.api.conftest import Api

from .conftest import THREAD, TRACK, WHO, make_client, numbers, put

MANY = 2_300


async def fill(api: Api, count: int = MANY) -> None:
    """Records 0 to `count` on two threads in turn; the last third has another kind."""
    records = [
        {
            "thread": f"many.{n % 2}",
            "actor": WHO.actor_did,
            "act": "KNOW",
            "clock": n,
            "body": {"n": n, "kind": TRACK if n < count * 2 // 3 else "other.catalog.track"},
        }
        for n in range(count)
    ]
    answer = await api.operator.post("/v1/records/batch", json=records)
    assert answer.json()["created"] == count


async def test_a_thread_of_any_length(client: Client, api: Api) -> None:
    await fill(api)
    evens = list(range(0, MANY, 2))
    assert numbers(await client.query_thread("many.0", limit=10_000)) == evens
    assert numbers(await client.query_thread("many.0", limit=1_001)) == evens[:1_001]
    assert numbers(await client.query_thread("many.0", since=1_990, limit=3)) == [1992, 1994, 1996]
    assert len(await client.query_thread("many.0")) == 100
    assert len(await client.query_thread("many.0", limit=0)) == 100


async def test_a_query_finds_as_many_as_it_may_however_rare_they_are(client: Client, api: Api) -> None:
    await fill(api)
    others = await client.query(kind="other.catalog.track", limit=2_000)
    assert numbers(others) == list(range(MANY * 2 // 3, MANY))
    found = await client.query(kind="other.catalog.track", thread="many.1", limit=2)
    assert numbers(found) == [1533, 1535]
    assert numbers(await client.query(actor=WHO.actor_did, where={"body.n": 2_200})) == [2_200]
    last = found[-1]
    assert numbers(await client.query(kind="other.catalog.track", since=last["sequence"], limit=1)) == [1536]
    assert await client.query(thread="many.0", limit=0) == []
    assert await client.query(thread="many.0", where={"body.n.x": 1, "nowhere": 2}) == []
    assert numbers(await client.query(thread="many.0", where={"nowhere": None}, limit=1)) == [0]
    with pytest.raises(ValueError, match="kind"):
        await client.query(limit=3)


async def test_a_rich_query_of_any_limit(client: Client, api: Api) -> None:
    await fill(api)
    wanted = {"body.n": {"$gte": 100}}

    async def found(**asked: Any) -> list[int]:
        return numbers((await client.rich_query(filter=wanted, **asked))["records"])

    assert await found(limit=5_000) == list(range(100, MANY))
    assert await found(limit=5_000, sort={"body.n": -1}) == list(range(MANY - 1, 99, -1))
    assert await found(limit=5_000, sort={"body.n": -1}, thread="many.1") == list(range(MANY - 1, 100, -2))
    assert await found(limit=1_500, offset=700, thread="many.0") == list(range(1_500, MANY, 2))
    assert await found(limit=3, offset=1, sort={"clock": 1}) == [101, 102, 103]
    assert len(await found()) == 100
    assert await found(limit=0) == []
    first = (await client.query_thread("many.0", limit=1))[0]["sequence"]
    behind = {"sequence": {"$gt": first + 4}, "body.n": {"$gte": 0}}
    assert numbers((await client.rich_query(filter=behind, limit=5_000))["records"]) == list(range(5, MANY))


async def test_pages_that_stop_for_time_are_no_end(client: Client, api: Api) -> None:
    """A page may be empty and not the last: the cursor says."""
    await fill(api, 60)
    ticks = count()
    api.engine.runtime = replace(api.engine.runtime, monotonic=lambda: next(ticks) * 0.4)
    wanted = {"body.n": {"$gte": 58}}
    for sort, order in ((None, [58, 59]), ({"body.n": -1}, [59, 58])):
        assert numbers((await client.rich_query(filter=wanted, sort=sort, limit=50))["records"]) == order
    assert numbers(await client.query(kind="other.catalog.track", limit=9)) == list(range(40, 49))
    assert numbers(await client.query(actor=WHO.actor_did, where={"body.n": 59})) == [59]


async def test_an_older_daemon_knows_no_cursors() -> None:
    asked: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        ids = range(len(asked) * 1000, len(asked) * 1000 + (1000 if len(asked) == 1 else 5))
        data = [{"id": f"{one}", "sequence": one, "body": {"n": one}} for one in ids]
        return httpx.Response(200, json={"object": "list", "data": data, "next_offset": None})

    client = Client(identity=WHO, transport=httpx.MockTransport(answer))
    found = await client.rich_query(filter={"act": "PUT"}, limit=1_500)
    assert len(found["records"]) == 1_005
    assert asked[1]["filter"] == {"act": "PUT", "sequence": {"$gt": 1_999}}
    assert "cursor" not in asked[1]


async def test_a_plan_only_when_it_was_asked_for(client: Client) -> None:
    await put(client, 1)
    planned = await client.rich_query(filter={}, thread=THREAD, explain=True)
    assert (planned["plan"]["walked"], planned["plan"]["thread"]) == ("thread", THREAD)
    assert set(await client.rich_query(filter={}, thread=THREAD)) == {"records"}


async def test_more_than_a_daemon_sorts_is_refused_before_anything_is_sent(client: Client) -> None:
    for limit, offset in ((11_001, 0), (10_500, 1_000), (1_001, 9_500)):
        with pytest.raises(ValueError, match="sorted query"):
            await client.rich_query(filter={}, sort={"clock": 1}, limit=limit, offset=offset)
    with pytest.raises(ValueError, match="filter"):
        await client.rich_query(filter=None)  # type: ignore[arg-type]


async def test_records_that_come_between_two_pages_are_not_given_twice(client: Client, api: Api) -> None:
    await fill(api, 1_500)
    send = client._connection.http.send
    asked: list[Any] = []

    async def between(call: Any) -> Any:
        asked.append(call.body)
        if len(asked) == 2:
            await api.post(thread="many.0", actor="x", body={"n": 9_999}, clock=5_000)
        return await send(call)

    client._connection.http.send = between  # type: ignore[method-assign]
    found = await client.rich_query(filter={"body.n": {"$gte": 0}}, sort={"clock": -1}, limit=1_500)
    assert numbers(found["records"]) == list(range(1_499, -1, -1))


async def test_what_is_not_answered_reads_as_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(endpoint="http://127.0.0.1:9", identity=WHO)
    with caplog.at_level(logging.WARNING, "syncropel"):
        assert await client.query(thread="t") == []
        assert await client.query(kind=TRACK) == []
        assert await client.query_thread("t") == []
        assert await client.rich_query(filter={}) == {"records": []}
        assert await client.health() == {}
    assert len(caplog.records) == 5
    assert "GET /v1/records was not answered: no daemon answers at http://127.0.0.1:9" in caplog.text
    await client.close()


async def test_a_refusal_on_a_later_page_is_no_shorter_answer(client: Client, api: Api) -> None:
    await fill(api, 1_500)
    send = client._connection.http.send
    pages = iter([True, False])

    async def once(call: Any) -> Any:
        if next(pages):
            return await send(call)
        raise DaemonUnreachable("gone", "")

    client._connection.http.send = once  # type: ignore[method-assign]
    assert (await client.rich_query(filter={}, limit=1_400))["records"] == []


async def test_a_strict_client_raises(client: Client, api: Api) -> None:
    strict = make_client(client._connection._transport._app, strict=True)  # type: ignore[union-attr]
    with pytest.raises(RemoteError) as refused:
        await strict.rich_query(filter={"$nor": []})
    assert (refused.value.status, refused.value.code) == (422, "INVALID_QUERY")
    with pytest.raises(RemoteError):
        await strict.query_thread("nowhere")
    with pytest.raises(DaemonUnreachable):
        await Client(endpoint="http://127.0.0.1:9", identity=WHO, strict=True).health()


@pytest.mark.parametrize("content", [b"[]", b'{"data": 3}', b'{"data": [1, null]}', b"{}", b"null"])
async def test_nonsense_reads_as_nothing(content: bytes) -> None:
    answer = httpx.MockTransport(lambda request: httpx.Response(200, content=content))
    client = Client(identity=WHO, transport=answer)
    assert await client.query(thread="t") == []
    assert await client.query(kind=TRACK) == []
    assert (await client.rich_query(filter={}, limit=5_000))["records"] == []


async def test_an_older_daemons_answers_are_read_as_they_come() -> None:
    record = {"id": "a", "act": "PUT", "body": {"n": 1}, "extra": [1.5, None]}
    listed = json.dumps({"object": "list", "data": [record]}).encode()
    client = Client(
        identity=WHO, transport=httpx.MockTransport(lambda request: httpx.Response(200, content=listed))
    )
    assert await client.query_thread("t") == [record]


async def test_a_search_says_that_there_is_none(client: Client) -> None:
    assert await client.search("x", k=3) == {"embedder": None, "k": 3, "hits": [], "disabled": True}
    with pytest.raises(ValueError, match="query"):
        await client.search("  ")


@pytest.mark.parametrize("endpoint", ["", "localhost:9100", "ftp://x", "/run/spl.sock"])
def test_what_is_no_endpoint(endpoint: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Client(endpoint=endpoint, identity=WHO)


def test_what_is_no_identity() -> None:
    with pytest.raises(TypeError, match=r"Identity\.static"):
        Client(identity="did:x")  # type: ignore[arg-type]
