"""A client by httpx, blocking and in a loop: whose error is whose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from syncropel.client import calls
from syncropel.client.async_transport import AsyncClient
from syncropel.client.target import Target
from syncropel.client.transport import Client
from syncropel.errors import DaemonUnreachable
from tests.descriptors import open_files_up_to

TARGET = Target(url="http://coordinator:9100")
NOBODY = Target(url="http://127.0.0.1:1")
EVENT = b"event: a\ndata: {}\n\n"
EVENTS = {"content-type": "text/event-stream"}
BROKE = httpx.ReadError("reset by the other side")


class Breaks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """One event, and then the connection breaks."""

    def __iter__(self) -> Iterator[bytes]:
        yield EVENT
        raise BROKE

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield EVENT
        raise BROKE


def _broken(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, headers=EVENTS, stream=Breaks())


Read = Callable[[], None]
"""What a caller does with each event."""


def follow(read: Read) -> None:
    with Client(TARGET, transport=httpx.MockTransport(_broken)) as client, client.watch("/v1/x") as events:
        for _ in events:
            read()


def follow_in_a_loop(read: Read) -> None:
    async def following() -> None:
        transport = httpx.MockTransport(_broken)
        async with AsyncClient(TARGET, transport=transport) as client, client.watch("/v1/x") as events:
            async for _ in events:
                read()

    asyncio.run(following())


@pytest.mark.parametrize("following", [follow, follow_in_a_loop])
def test_a_stream_that_breaks_is_told_after_what_came(following: Callable[[Read], None]) -> None:
    came: list[int] = []
    with pytest.raises(DaemonUnreachable, match="broke: reset by the other side"):
        following(lambda: came.append(1))
    assert came == [1]


@pytest.mark.parametrize("following", [follow, follow_in_a_loop])
def test_the_readers_own_errors_are_not_the_connections(following: Callable[[Read], None]) -> None:
    """It may ask somebody else for each event, by httpx."""
    own = httpx.ConnectError("somebody else")

    def read() -> None:
        raise own

    with pytest.raises(httpx.ConnectError) as raised:
        following(read)
    assert raised.value is own


def test_a_process_without_a_free_descriptor_says_so() -> None:
    with (
        Client(NOBODY) as client,
        open_files_up_to(0),
        pytest.raises(DaemonUnreachable, match=r"cannot open a connection to .*Too many open files"),
    ):
        client.send(calls.health())


async def test_so_does_one_in_a_loop() -> None:
    async with AsyncClient(NOBODY) as client:
        with pytest.raises(DaemonUnreachable, match="no daemon answers at"):
            await client.send(calls.health())
        with (
            open_files_up_to(0),
            pytest.raises(DaemonUnreachable, match=r"cannot open a connection to .*Too many open files"),
        ):
            await client.send(calls.health())
