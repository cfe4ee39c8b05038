"""Who answers in a daemon's place is named as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from syncropel.client import calls
from syncropel.client.async_transport import AsyncClient
from syncropel.client.target import Target
from syncropel.client.transport import Client
from syncropel.errors import DaemonUnreachable

PAGE = "<!DOCTYPE html><html><title>Please log in</title></html>"
HTML = {"content-type": "text/html; charset=utf-8"}
TARGET = Target(url="http://coordinator:9100")


def _said(status: int, headers: dict[str, str], body: str = "") -> set[tuple[str, str]]:
    """Message and hint of every way to ask, with the path left out."""

    def ask() -> None:
        with Client(TARGET, transport=transport) as client:
            client.send(calls.tasks())

    def follow() -> None:
        with Client(TARGET, transport=transport) as client, client.watch("/v1/tasks") as events:
            list(events)

    async def ask_a_loop() -> None:
        async with AsyncClient(TARGET, transport=transport) as client:
            await client.send(calls.tasks())

    async def follow_in_a_loop() -> None:
        async with AsyncClient(TARGET, transport=transport) as client, client.watch("/v1/tasks") as events:
            async for _ in events:
                pass

    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, text=body))
    ways: list[Callable[[], None]] = [
        ask, follow, lambda: asyncio.run(ask_a_loop()), lambda: asyncio.run(follow_in_a_loop()),
    ]  # fmt: skip
    found = set()
    for way in ways:
        with pytest.raises(DaemonUnreachable) as raised:
            way()
        found.add((raised.value.message, raised.value.hint))
    return found


def test_a_page_to_log_in_is_no_answer_and_no_stream_that_ended() -> None:
    [(message, hint)] = _said(200, HTML, PAGE)
    assert message == "/v1/tasks answered a web page"
    assert hint == "a proxy or a login stands in between: use the address of the daemon itself"


def test_who_is_sent_on_is_told_where_to_without_what_that_may_give_away() -> None:
    place = "https://login.example.com/realm?ticket=secret"
    [(message, hint)] = _said(302, {"location": place})
    assert message == "/v1/tasks was sent on to login.example.com (HTTP 302)"
    assert "login stands in between" in hint


@pytest.mark.parametrize("place", ["", "/login", "http://["])
def test_a_redirect_that_leads_nowhere_is_told_by_its_number(place: str) -> None:
    [(message, _)] = _said(302, {"location": place})
    assert message == "/v1/tasks answered HTTP 302 without saying why"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxy_whose_daemon_is_away_is_told_from_the_daemon(status: int) -> None:
    [(message, hint)] = _said(status, HTML, PAGE)
    assert message == f"/v1/tasks answered HTTP {status}: whoever stands before the daemon does not reach it"
    assert hint == "is the daemon running there? ask on its machine: spl status"


@pytest.mark.parametrize(
    ("kind", "told"),
    [("application/json", "application/json"), ("", "no content type")],
)
def test_a_stream_carries_events_or_is_none(kind: str, told: str) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("nothing of it is read")
        yield b""

    headers = {"content-type": kind} if kind else {}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=never()))

    async def follow() -> None:
        async with AsyncClient(TARGET, transport=transport) as client, client.watch("/v1/x"):
            raise AssertionError("it was taken for a stream")

    with pytest.raises(DaemonUnreachable, match=f"/v1/x answered with {told} instead of events"):
        asyncio.run(follow())
