"""Server-sent events: records as they come, with resume; snapshots of the fleet."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from syncropel.api.http import sse
from syncropel.store.sqlite import walking
from syncropel.wire import FleetStatus, RecordOut

from .conftest import Api, beat, until
from .streams import Stream, watch


async def listening(api: Api, count: int = 1) -> None:
    """Wait until so many streams listen to new records."""

    async def look() -> bool:
        return len(api.engine.broadcast) == count

    await until(look)


async def test_a_new_record_is_an_event(durable: Api) -> None:
    async with watch(durable.app, "/v1/records/watch") as stream:
        await listening(durable)
        assert stream.headers["content-type"].startswith("text/event-stream")
        posted = await durable.post(body={"line": "a\nb\u2028"})
        (event,) = await stream.records(1)
        assert event.id == str(posted["sequence"])
        assert event.data["id"] == posted["id"]
        assert RecordOut.model_validate(event.data["record"]).body == {"line": "a\nb\u2028"}


async def test_a_thread_is_replayed_from_a_clock_and_then_followed(durable: Api) -> None:
    for clock in range(5):
        await durable.post(clock=clock)
        await durable.post(clock=clock, thread="elsewhere")
    async with watch(durable.app, "/v1/threads/music.library/watch?since_clock=2") as stream:
        assert [one.data["record"]["clock"] for one in await stream.records(2)] == [3, 4]
        await durable.post(thread="elsewhere")
        await durable.post(clock=9)
        (event,) = await stream.records(1)
        assert (event.data["record"]["thread"], event.data["record"]["clock"]) == ("music.library", 9)


async def test_a_long_history_comes_in_parts_and_in_order_of_arrival(
    durable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "PAGE", 3)
    monkeypatch.setattr(walking, "_THREAD_WINDOW", 2)
    for n in range(20):
        await durable.post(clock=100 - n)
        await durable.post(clock=n, thread="elsewhere")
    async with watch(durable.app, "/v1/threads/music.library/watch?since_clock=82") as stream:
        clocks = [one.data["record"]["clock"] for one in await stream.records(18)]
        assert clocks == list(range(100, 82, -1))
        await durable.post(clock=200)
        assert (await stream.records(1))[0].data["record"]["clock"] == 200


async def test_a_thread_is_followed_by_the_alias_of_its_task_too(api: Api) -> None:
    task = await api.task(alias="A-1")
    async with watch(api.app, "/v1/threads/A-1/watch?since_clock=-1") as stream:
        (event,) = await stream.records(1)
        assert event.data["record"]["thread"] == task["thread"]


async def test_without_a_cursor_a_stream_begins_now(durable: Api) -> None:
    await durable.post()
    for path in ("/v1/records/watch", "/v1/threads/music.library/watch"):
        async with watch(durable.app, path) as stream:
            await listening(durable)
            posted = await durable.post()
            assert (await stream.records(1))[0].data["id"] == posted["id"]
        await listening(durable, 0)


async def test_last_event_id_wins_over_since(durable: Api) -> None:
    first = await durable.post()
    second = await durable.post()
    async with watch(
        durable.app, "/v1/records/watch?since=0", last_event_id=str(first["sequence"])
    ) as stream:
        assert (await stream.records(1))[0].data["id"] == second["id"]


async def test_a_record_that_watchers_hear_of_late_is_not_sent_again(durable: Api) -> None:
    first = await durable.post()
    cursor = str(first["sequence"])
    async with watch(durable.app, "/v1/records/watch?since=0", last_event_id=cursor) as stream:
        await listening(durable)
        late = await durable.engine.store.get(first["id"])
        assert late is not None
        durable.engine.broadcast.publish([late])  # the client has read it in the log before
        second = await durable.post()
        assert (await stream.records(1))[0].data["id"] == second["id"]


@pytest.mark.parametrize("path", ["/v1/records/watch?since=0", "/v1/threads/busy/watch?since_clock=-1"])
async def test_resuming_has_no_gaps_and_no_doubles_while_others_write(durable: Api, path: str) -> None:
    chance = random.Random(7)
    start = durable.engine.store.count
    writers, each = 6, 40

    async def write(writer: int) -> None:
        for n in range(each):
            await durable.post(thread="busy", actor=f"did:sync:user:{writer}", clock=n)

    writing = [asyncio.create_task(write(writer)) for writer in range(writers)]
    seen: list[int] = []
    cursor: dict[str, Any] = {"last_event_id": str(start)}
    while len(seen) < writers * each:
        async with watch(durable.app, path, **cursor) as stream:
            wanted = min(chance.randint(1, 40), writers * each - len(seen))
            for event in await stream.records(wanted):
                seen.append(int(event.id or 0))
                cursor = {"last_event_id": str(event.id)}
    await asyncio.gather(*writing)
    assert seen == list(range(start + 1, start + 1 + writers * each))


async def test_order_holds_when_a_task_is_folded_anew(durable: Api) -> None:
    task = await durable.task()
    async with watch(durable.app, "/v1/records/watch") as stream:
        await listening(durable)

        async def write(n: int) -> None:
            late = {
                "thread": task["thread"],
                "clock": 400 - n,
                "body": {"topic": "task_started"},
                "act": "DO",
            }
            await durable.post(**(late if n % 2 else {"thread": "other", "clock": n}))

        await asyncio.gather(*(write(n) for n in range(80)))
        ids = [int(event.id or 0) for event in await stream.records(80)]
        assert ids == sorted(ids)


async def test_a_silent_stream_beats(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncropel.api.http.sse.HEARTBEAT_SECS", 0.01)
    async with watch(api.app, "/v1/records/watch") as stream:
        for _ in range(3):
            event = await stream.take()
            assert event is not None
            assert (event.name, event.id) == ("heartbeat", None)
            assert event.data["at"] > 0
        posted = await api.post()
        while (event := await stream.take()) is not None and event.name == "heartbeat":
            pass
        assert event is not None
        assert event.data["id"] == posted["id"]


async def test_a_listener_that_is_too_slow_is_told_and_let_go(
    durable: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.engine.ingest.broadcast.Broadcast.watch", _small(durable))
    async with watch(durable.app, "/v1/records/watch") as stream:
        await listening(durable)
        stream.blocked.clear()
        ids = [(await durable.post(clock=n))["sequence"] for n in range(30)]
        stream.blocked.set()
        events = [event async for event in _all(stream)]
    assert (events[-1].name, events[-1].data["code"]) == ("error", "lagged")
    seen = [int(one.id) for one in events[:-1]]
    assert seen == ids[: len(seen)]
    async with watch(durable.app, f"/v1/records/watch?since={ids[0] - 1}") as stream:
        again = [int(event.id or 0) for event in await stream.records(30)]
        assert again == ids


def _small(api: Api) -> Any:
    plain = type(api.engine.broadcast).watch
    return lambda self, wants: plain(self, wants, capacity=5)


async def _all(stream: Stream) -> Any:
    while (event := await stream.take()) is not None:
        yield event


async def test_every_stream_is_told_that_the_daemon_stops(api: Api) -> None:
    paths = ("/v1/records/watch", "/v1/threads/x/watch", "/v1/fleet/watch")
    async with (
        watch(api.app, paths[0]) as one,
        watch(api.app, paths[1]) as two,
        watch(api.app, paths[2]) as three,
    ):
        await listening(api, 2)
        await three.take()
        await api.lifecycle.stop()
        for stream in (one, two, three):
            events = [event async for event in _all(stream)]
            assert events[-1].name == "server_shutdown"
            assert events[-1].data["retry_after_ms"] > 0


async def test_a_client_that_leaves_is_forgotten(api: Api) -> None:
    async with watch(api.app, "/v1/records/watch"):
        await listening(api)
        assert (await api.get("/v1/engine/health"))["watchers"] == 1
    await listening(api, 0)


async def test_the_fleet_is_shown_at_once_and_at_every_change(api: Api) -> None:
    async with watch(api.app, "/v1/fleet/watch") as stream:
        event = await stream.take()
        assert event is not None
        assert event.name == "fleet.snapshot"
        assert FleetStatus.model_validate(event.data).live == 1
        await api.operator.post("/v1/fleet/heartbeat", json=beat("a"))
        while len(FleetStatus.model_validate(event.data).instances) < 2:
            event = await stream.take()
            assert event is not None
        assert FleetStatus.model_validate(event.data).live == 2


async def test_head_of_a_stream_ends(api: Api) -> None:
    answer = await api.operator.head("/v1/records/watch")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    await listening(api, 0)
