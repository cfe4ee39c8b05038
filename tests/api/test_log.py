"""The daemon's log over the API: the newest lines, resume without holes, gaps that are told, no secrets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from syncropel.api.app import create_app
from syncropel.api.http.auth import OperatorDoor
from syncropel.logs.ring import LINE_CHARS, LogRing
from syncropel.wire import LogPage

from .conftest import Api, MakeApi, over_tcp, until
from .streams import Stream, watch

START = 1_790_000_000.0
log = logging.getLogger("test.of.log")


@pytest.fixture
def ring() -> Iterator[LogRing]:
    """A ring of ten lines that hears one logger."""
    kept = LogRing(lambda: START, kept=10)
    level = log.level
    log.setLevel(5)
    log.addHandler(kept)
    yield kept
    log.removeHandler(kept)
    log.setLevel(level)


@pytest.fixture
async def logged(api: Api, ring: LogRing) -> Any:
    """The application with this ring."""
    return OperatorDoor(create_app(api.engine, ring))


async def page(app: Any, **query: Any) -> LogPage:
    async with over_tcp(app) as client:
        answer = await client.get("/v1/engine/log", params=query)
    assert answer.status_code == 200, answer.text
    return LogPage.model_validate(answer.json())


def said(page: LogPage) -> list[str]:
    return [one.message for one in page.data]


async def test_the_newest_lines_come_in_order_with_all_that_is_known_of_them(logged: Any) -> None:
    log.info("first", extra={"actor": "did:a", "thread_id": "th_1", "record": "00"})
    try:
        raise ValueError("the reason")
    except ValueError:
        log.exception("second")
    found = await page(logged)
    first, second = found.data
    assert (first.message, first.level, first.target) == ("first", "INFO", "test.of.log")
    assert (first.actor, first.thread, first.record) == ("did:a", "th_1", "00")
    assert first.at > 1_700_000_000
    assert (second.level, "ValueError: the reason" in second.traceback) == ("ERROR", True)
    assert second.sequence == first.sequence + 1 == found.next_cursor
    assert said(await page(logged, limit=1)) == ["second"]


async def test_a_level_keeps_what_is_graver(logged: Any) -> None:
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)(level)
    assert said(await page(logged, level="WARN")) == ["warning", "error"]
    found = await page(logged, level="ERROR")
    assert said(found) == ["error"]
    log.debug("later")
    assert said(await page(logged, level="ERROR", since=found.next_cursor)) == []


async def test_pages_follow_one_another_without_holes(logged: Any) -> None:
    for number in range(7):
        log.info("line %d", number)
    seen: list[str] = []
    cursor = 0
    while True:
        found = await page(logged, since=cursor, limit=3)
        assert found.missed == 0
        if not found.data:
            break
        seen += said(found)
        cursor = found.next_cursor or 0
    assert seen == [f"line {number}" for number in range(7)]


async def test_what_fell_out_of_the_ring_is_told(logged: Any) -> None:
    log.info("line")
    cursor = (await page(logged)).next_cursor
    for number in range(25):
        log.info("line %d", number)
    found = await page(logged, since=cursor)
    assert said(found) == [f"line {number}" for number in range(15, 25)]
    assert (found.missed, found.dropped) == (15, 16)


async def test_a_cursor_of_an_earlier_run_is_no_gap_and_gets_everything(logged: Any) -> None:
    log.info("after the restart")
    found = await page(logged, since=int(START * 1e6) - 5_000_000)
    assert (said(found), found.missed) == (["after the restart"], 0)


@pytest.mark.parametrize("query", [{"level": "LOUD"}, {"limit": 0}, {"limit": 5000}, {"since": "x"}])
async def test_a_wrong_question_is_told(logged: Any, query: dict[str, Any]) -> None:
    async with over_tcp(logged) as client:
        answer = await client.get("/v1/engine/log", params=query)
    assert answer.status_code == 422
    assert next(iter(query)) in answer.json()["message"]


async def test_secrets_are_not_shown(logged: Any, api: Api) -> None:
    token = await api.token("records:read")
    log.warning("somebody sent %s and more", token)
    (line,) = (await page(logged)).data
    assert token not in line.message
    assert line.message.endswith("… and more")
    assert line.message.startswith("somebody sent spl_prod_sa-0_")


async def test_text_that_is_none_and_lines_without_end_are_carried(logged: Any, ring: LogRing) -> None:
    # Straight to the ring: pytest would put half a character into its own report of this test.
    ring.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "half \ud800 \x1b[31m", (), None))
    log.info("x" * (LINE_CHARS + 5))
    half, long = (await page(logged)).data
    assert half.message.startswith("half \\ud800")
    assert long.message.endswith("x… (5 characters more)")
    assert len(long.message) < LINE_CHARS + 40


async def test_the_ring_is_bounded_by_size_too(logged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncropel.logs.ring.KEPT_CHARS", 1000)
    for number in range(8):
        log.info("%d %s", number, "x" * 300)
    found = await page(logged)
    assert [one.message[0] for one in found.data] == ["5", "6", "7"]
    assert found.dropped == 5


# following


@asynccontextmanager
async def following(api: Api, app: Any, query: str = "", **headers: Any) -> AsyncIterator[Stream]:
    async with watch(app, f"/v1/engine/log/watch{query}", **headers) as stream:

        async def listens() -> bool:
            return len(api.engine.broadcast) == 1

        await until(listens)
        yield stream


async def lines(stream: Stream, count: int) -> list[str]:
    events = [await stream.take() for _ in range(count)]
    assert all(one is not None and one.name == "log.line" for one in events)
    return [one.data["message"] for one in events if one is not None]


async def test_a_new_line_is_an_event_also_from_another_thread(api: Api, logged: Any) -> None:
    log.info("before")
    async with following(api, logged) as stream:
        await asyncio.sleep(0)
        worker = threading.Thread(target=log.info, args=("from a thread",))
        worker.start()
        worker.join()
        assert await lines(stream, 1) == ["from a thread"]
        log.info("and from here")
        assert await lines(stream, 1) == ["and from here"]


async def test_a_stream_resumes_where_it_was(api: Api, logged: Any) -> None:
    for number in range(4):
        log.info("line %d", number)
    cursor = (await page(logged)).data[1].sequence
    async with following(api, logged, last_event_id=str(cursor)) as stream:
        assert await lines(stream, 2) == ["line 2", "line 3"]


async def test_a_stream_tells_what_it_could_not_keep(api: Api, logged: Any) -> None:
    log.info("line")
    cursor = (await page(logged)).next_cursor
    for number in range(12):
        log.info("line %d", number)
    async with following(api, logged, f"?since={cursor}") as stream:
        event = await stream.take()
        assert event is not None
        assert (event.name, event.data) == ("log.gap", {"missed": 2})
        assert await lines(stream, 10) == [f"line {number}" for number in range(2, 12)]


async def test_a_stream_has_the_levels_asked_for(api: Api, logged: Any) -> None:
    async with following(api, logged, "?level=ERROR") as stream:
        log.info("not this")
        log.error("this")
        assert await lines(stream, 1) == ["this"]


async def test_to_look_at_the_log_logs_nothing(api: Api, logged: Any, ring: LogRing) -> None:
    logging.getLogger().addHandler(ring)
    try:
        async with following(api, logged) as stream:
            for _ in range(3):
                await page(logged)
            log.info("the only one")
            assert await lines(stream, 1) == ["the only one"]
    finally:
        logging.getLogger().removeHandler(ring)


async def test_a_silent_stream_beats_and_a_stopping_daemon_ends_it(
    api: Api, logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncropel.api.http.sse.HEARTBEAT_SECS", 0.01)
    async with following(api, logged) as stream:
        event = await stream.take()
        assert event is not None
        assert event.name == "heartbeat"
        api.engine.broadcast.close()
        while event is not None and event.name == "heartbeat":
            event = await stream.take()
        assert event is not None
        assert event.name == "server_shutdown"
        assert await stream.take() is None


async def test_it_needs_the_scope_that_reads_configuration(make_api: MakeApi) -> None:
    api = await make_api()
    refused = await api.tcp.get("/v1/engine/log", headers=await api.bearer("records:read"))
    assert (refused.status_code, "config:read" in refused.json()["message"]) == (403, True)
    for scope in ("config:read", "admin"):
        answer = await api.tcp.get("/v1/engine/log", headers=await api.bearer(scope))
        assert answer.status_code == 200
