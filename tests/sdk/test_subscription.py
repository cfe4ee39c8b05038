"""Following a thread: each record once, over restarts, broken streams and callbacks that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import httpx
import pytest

from syncropel import Client, SseTransport, SubscribeError
from syncropel.sdk.subscription import StreamEnd
from tests.api.conftest import Api, until

from .conftest import THREAD, WHO, numbers, put


async def met(condition: Callable[[], bool]) -> None:
    """Wait until it is so."""

    async def look() -> bool:
        return condition()

    await until(look)


async def test_records_come_as_they_are_written(client: Client) -> None:
    await put(client, 0, thread="elsewhere")
    earlier = await put(client, 1)
    got: list[dict[str, Any]] = []
    opened: list[int] = []
    followed = client.subscribe(THREAD, got.append, since_clock=-1, on_open=lambda: opened.append(1))
    await met(lambda: len(got) == 1)
    await put(client, 9, thread="elsewhere")
    later = await put(client, 2)
    await met(lambda: len(got) == 2)
    assert [one["id"] for one in got] == [earlier.record_id, later.record_id]
    assert (followed.thread, followed.transport_name, followed.closed) == (THREAD, "sse", False)
    assert (opened, followed.cursor) == ([1], str(got[-1]["sequence"]))
    followed.close()
    followed.close()
    await followed.wait_closed(5)
    assert followed.closed


async def test_without_a_clock_only_what_is_new(client: Client) -> None:
    await put(client, 1)
    got: list[dict[str, Any]] = []
    opened = asyncio.Event()
    client.subscribe(THREAD, got.append, on_open=opened.set)
    await opened.wait()
    await put(client, 2)
    await met(lambda: len(got) == 1)
    assert numbers(got) == [2]


async def test_closing_the_client_ends_what_it_follows(client: Client, api: Api) -> None:
    followed = client.subscribe(THREAD, lambda record: None)
    await client.close()
    assert followed.closed
    with pytest.raises(RuntimeError, match="closed"):
        client.subscribe(THREAD, lambda record: None)


class Scripted:
    """Ends its streams as it was told, and remembers where each was to begin."""

    name: Literal["sse", "ws"] = "ws"

    def __init__(self, *ends: StreamEnd | Exception) -> None:
        self._ends = list(ends)
        self.began: list[tuple[str | None, int | None]] = []

    async def run(self, *, cursor: str | None, since_clock: int | None, hooks: Any, **_: Any) -> StreamEnd:
        self.began.append((cursor, since_clock))
        if not self._ends:
            await asyncio.Event().wait()
        end = self._ends.pop(0)
        if isinstance(end, Exception):
            raise end
        hooks.on_open()
        if end.last_cursor is not None:
            hooks.on_record({"n": end.last_cursor}, end.last_cursor)
        return end


def follow(client: Client, transport: Scripted, **options: Any) -> tuple[list[SubscribeError], Any]:
    errors: list[SubscribeError] = []
    quick = {"reconnect_base_s": 0.0, "on_error": errors.append, **options}
    return errors, client.subscribe("t", lambda record: None, since_clock=3, transport=transport, **quick)


async def test_a_stream_goes_on_where_it_ended(client: Client) -> None:
    transport = Scripted(
        StreamEnd("transport_error", None, "no"),
        StreamEnd("lagged", "5", "slow"),
        StreamEnd("heartbeat_timeout", None),
        ZeroDivisionError("a transport's own mistake"),
        StreamEnd("server_shutdown", "6", retry_after_s=0),
    )
    errors, followed = follow(client, transport)
    await met(lambda: len(transport.began) == 6)
    assert transport.began == [(None, 3), (None, 3), ("5", None), ("5", None), ("5", None), ("6", None)]
    told = [(one.reason, one.attempt) for one in errors]
    assert told == [
        ("transport_error", 0),
        ("lagged", 0),
        ("heartbeat_timeout", 1),
        ("transport_error", 2),
        ("server_shutdown", 0),
    ]
    assert errors[3].message == "ZeroDivisionError: a transport's own mistake"
    assert followed.transport_name == "ws"


async def test_it_gives_up_when_told_so(client: Client) -> None:
    transport = Scripted(*[StreamEnd("transport_error", None, "no")] * 9)
    errors, followed = follow(client, transport, max_reconnects=2)
    await followed.wait_closed(5)
    assert (followed.closed, [one.attempt for one in errors]) == (True, [0, 1, 2])


async def test_pauses_grow_to_their_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    monkeypatch.setattr("asyncio.sleep", lambda secs, sleep=asyncio.sleep: sleep(0))
    transport = Scripted(*[StreamEnd("transport_error", None)] * 40)
    errors, followed = follow(client, transport, reconnect_base_s=1, reconnect_max_s=10, max_reconnects=39)
    await followed.wait_closed(5)
    assert [one.next_retry_s for one in errors[:6]] == [1, 2, 4, 8, 10, 10]
    assert errors[-1].next_retry_s == 10


async def test_a_callback_that_fails_is_logged_and_the_stream_goes_on(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    got: list[int] = []

    def broken(record: dict[str, Any]) -> None:
        got.append(record["body"]["n"])
        raise ZeroDivisionError

    client.subscribe(THREAD, broken, since_clock=-1)
    await put(client, 1)
    await put(client, 2)
    await met(lambda: len(got) == 2)
    assert "a callback of a subscription failed" in caplog.text


def events(*blocks: str) -> httpx.MockTransport:
    """A daemon that sends these events and ends the stream."""
    text = "".join(f"{block}\n\n" for block in blocks)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=text, headers={"content-type": "text/event-stream"})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("blocks", "reason", "message"),
    [
        ([], "transport_error", "the stream ended"),
        (['event: error\ndata: {"code": "lagged", "message": "slow"}'], "lagged", "slow"),
        (['event: error\ndata: {"code": "x", "message": "odd"}'], "transport_error", "odd"),
        (['event: server_shutdown\ndata: {"retry_after_ms": 20}'], "server_shutdown", "stopping"),
        (['event: server_shutdown\ndata: {"retry_after_ms": "x"}'], "server_shutdown", "stopping"),
        (["event: record.created\ndata: 3", "event: odd\ndata: {}"], "transport_error", "ended"),
        (["event: record.created\ndata: {"], "transport_error", "not JSON"),
    ],
)
async def test_what_ends_a_stream(blocks: list[str], reason: str, message: str) -> None:
    errors: list[SubscribeError] = []
    async with Client(identity=WHO, transport=events(*blocks)) as client:
        followed = client.subscribe("t", lambda record: None, on_error=errors.append, max_reconnects=0)
        await followed.wait_closed(5)
    assert [(one.reason, message in one.message) for one in errors] == [(reason, True)]
    if reason == "server_shutdown":
        assert errors[0].next_retry_s in (0.02, 5.0)


async def test_a_silent_stream_is_given_up() -> None:
    class Silent(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Nothing(), headers={"content-type": "text/event-stream"})

    class Nothing(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            await asyncio.Event().wait()
            yield b""

    errors: list[SubscribeError] = []
    async with Client(identity=WHO, transport=Silent()) as client:
        followed = client.subscribe(
            "t", lambda record: None, on_error=errors.append, max_reconnects=0, heartbeat_timeout_s=0.01
        )
        await followed.wait_closed(5)
    assert [one.reason for one in errors] == ["heartbeat_timeout"]


async def test_a_stream_has_a_token_of_its_own(client: Client) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(403)

    other = Client(identity=WHO, api_key="whole", transport=httpx.MockTransport(answer))
    for bearer in (None, "part"):
        followed = other.subscribe("a/b", lambda record: None, bearer=bearer, since_clock=2, max_reconnects=0)
        await followed.wait_closed(5)
    assert [one.headers["authorization"] for one in asked] == ["Bearer whole", "Bearer part"]
    assert asked[0].url.raw_path == b"/v1/threads/a%2Fb/watch?since_clock=2"


async def test_what_cannot_be_followed(client: Client) -> None:
    with pytest.raises(ValueError, match="thread"):
        client.subscribe("", print)
    with pytest.raises(TypeError, match="function"):
        client.subscribe("t", None)  # type: ignore[arg-type]
    assert SseTransport.name == "sse"
