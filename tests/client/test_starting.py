"""A client waits for a daemon that reads its log, as it would for a slow answer, and no longer."""

from __future__ import annotations

import httpx
import pytest

from syncropel.client import AsyncClient, Client, Target, calls, transport
from syncropel.errors import RemoteError, Unavailable
from syncropel.wire.start_words import STARTING


class Daemon:
    """Answers that it starts, so many times; then that it is well."""

    def __init__(self, refusals: int, code: str = STARTING) -> None:
        self.left, self.asked = refusals, 0
        self.envelope = Unavailable("it has read 3 of 9 records", "wait", code=code).envelope()

    def __call__(self, _: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.left:
            self.left -= 1
            return httpx.Response(503, json=self.envelope)
        return httpx.Response(
            200, json={"status": "ok", "version": "1", "records": 9, "store": "s", "uptime_secs": 1.0}
        )


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "STARTING_POLL_SECS", 0.0)


def client(daemon: Daemon, timeout: float = 60.0) -> Client:
    return Client(Target(url="http://x"), timeout=timeout, transport=httpx.MockTransport(daemon))


def test_a_blocking_client_asks_again() -> None:
    daemon = Daemon(3)
    with client(daemon) as asking:
        assert asking.send(calls.health()).records == 9
    assert daemon.asked == 4


async def test_an_async_client_asks_again() -> None:
    daemon = Daemon(3)
    url = Target(url="http://x")
    async with AsyncClient(url, timeout=60.0, transport=httpx.MockTransport(daemon)) as asking:
        assert (await asking.send(calls.health())).records == 9
    assert daemon.asked == 4


def test_it_says_how_far_the_daemon_is_when_the_time_is_over() -> None:
    with (
        client(Daemon(10**9), timeout=0.01) as asking,
        pytest.raises(RemoteError, match="it has read 3 of 9 records"),
    ):
        asking.send(calls.health())


def test_no_other_refusal_is_asked_about_again() -> None:
    daemon = Daemon(1, code="UNAVAILABLE")
    with client(daemon) as asking, pytest.raises(RemoteError):
        asking.send(calls.health())
    assert daemon.asked == 1
