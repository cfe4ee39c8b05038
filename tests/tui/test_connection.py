"""The connection tells the truth and never gives up, whatever the daemon does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from syncropel.errors import DaemonNotRunning, DaemonUnreachable, RemoteError
from syncropel.wire import FleetStatus
from tests.tui import console_sample as sample
from tests.tui.console_fakes import Clock, FakeClient
from tui.connection.events import Connection
from tui.model.glyphs import ASCII, UNICODE
from tui.model.link import Link, Phase, label, trouble

GONE = DaemonNotRunning("no daemon answers", "start it: spl serve")


class Bench:
    """A connection, what it heard, and time that passes by hand."""

    def __init__(self) -> None:
        self.clock, self.client = Clock(), FakeClient()
        self.heard: list[FleetStatus] = []
        self.links: list[Link] = []
        self.connection = Connection(
            self.client, self.heard.append, self.links.append,
            clock=self.clock, sleep=self.clock.sleep, jitter=lambda: 1.0,
        )  # fmt: skip

    @property
    def link(self) -> Link:
        return self.links[-1].at(self.clock())

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def passes(self, secs: float) -> None:
        self.clock.advance(secs)
        await self.settle()


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.connection.run())
    await bench.settle()
    yield bench
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_snapshot_makes_it_live() -> None:
    async with running() as bench:
        assert bench.link.phase is Phase.RETRYING
        bench.client.snapshot(sample.status())
        await bench.settle()
        assert bench.link.phase is Phase.LIVE
        assert bench.heard == [sample.status()]


async def test_silence_makes_it_stale_and_a_word_live_again() -> None:
    async with running() as bench:
        bench.client.snapshot(sample.status(heartbeat_interval_secs=2.0))
        await bench.settle()
        await bench.passes(5.0)
        assert bench.link.phase is Phase.LIVE
        await bench.passes(0.1)
        assert bench.link.phase is Phase.STALE
        assert label(bench.link, bench.clock(), UNICODE) == ("◐ STALE 5s", "warn")
        bench.client.say("heartbeat", {"at": 1})
        await bench.settle()
        assert bench.link.phase is Phase.LIVE


async def test_a_break_is_retried_then_down_and_it_recovers_by_itself() -> None:
    async with running() as bench:
        bench.client.snapshot(sample.status())
        await bench.settle()
        bench.client.refuse = GONE
        bench.client.break_with(GONE)
        await bench.settle()
        assert (bench.link.phase, bench.link.attempt) == (Phase.RETRYING, 1)
        phases = []
        for secs in [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]:
            await bench.passes(secs)
            phases.append(bench.link.phase)
        assert phases == [Phase.RETRYING, Phase.RETRYING, Phase.DOWN, Phase.DOWN, Phase.DOWN, Phase.DOWN]
        assert bench.clock.slept == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
        assert bench.link.hint == "start it: spl serve"
        bench.client.refuse = None
        bench.client.snapshot(sample.status())
        await bench.passes(5.0)
        assert bench.link.phase is Phase.LIVE
        assert not bench.link.message


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_down_at_once_with_the_daemons_hint(status: int) -> None:
    async with running() as bench:
        bench.client.refuse = RemoteError(status, "auth_error", "DENIED", "no such token", "spl token set")
        bench.client.break_with(None)
        await bench.settle()
        await bench.passes(1.0)
        assert bench.link.phase is Phase.DOWN
        assert f"no such token (HTTP {status} DENIED)" in bench.link.message
        assert bench.link.hint == "spl token set"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "make room"), "disk full (HTTP 500"),
        (DaemonUnreachable("the event stream carried something that is not JSON", "reconnect"), "not JSON"),
        (DaemonUnreachable("gave no answer in time", "spl status"), "in time"),
        (RuntimeError("boom"), "unexpected: RuntimeError: boom"),
        (None, "closed the stream"),
    ],
)
async def test_every_failure_is_told_and_survived(error: BaseException | None, words: str) -> None:
    async with running() as bench:
        bench.client.snapshot(sample.status())
        bench.client.break_with(error)
        await bench.settle()
        assert words in bench.link.message
        assert bench.link.phase is Phase.RETRYING


async def test_a_snapshot_of_another_shape_is_told_not_raised() -> None:
    async with running() as bench:
        bench.client.say("fleet.snapshot", {"at": "yesterday"})
        await bench.settle()
        assert "cannot read (at:" in bench.link.message
        assert not bench.heard


@pytest.mark.parametrize(
    ("name", "data", "pause"),
    [
        ("server_shutdown", {"retry_after_ms": 3000}, 3.0),
        ("server_shutdown", {"retry_after_ms": "soon"}, 0.5),
        ("server_shutdown", None, 0.5),
        ("error", {"code": "lagged", "message": "too slow"}, 0.5),
    ],
)
async def test_the_daemon_may_say_when_to_come_back(name: str, data: object, pause: float) -> None:
    async with running() as bench:
        bench.client.snapshot(sample.status())
        bench.client.say(name, data)
        await bench.settle()
        assert bench.clock.slept == [pause]
        await bench.passes(pause)
        assert bench.client.opened == 2


async def test_reconnect_does_not_wait() -> None:
    async with running() as bench:
        bench.client.break_with(GONE)
        await bench.settle()
        bench.connection.reconnect()
        await bench.settle()
        assert bench.client.opened == 2


def test_the_header_counts_down_and_never_says_zero() -> None:
    link = Link(Phase.RETRYING, attempt=3, retry_at=101.4, heard_at=90.0, message="broke", hint="wait")
    assert label(link, 100.0, UNICODE)[0] == "◐ STALE 10s ↻ RETRYING #3 in 2s"
    assert label(link, 101.3, ASCII)[0].endswith("@ RETRYING #3 in 1s")
    assert trouble(link, 100.0, UNICODE, "f9") == ["broke · data is 10s old", "→ wait · f9 tries now"]
    assert label(Link(), 0.0, UNICODE)[0] == "↻ CONNECTING"
