"""The connection tells the truth: about silence, breaks, refusals and nonsense, and comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from console import world
from console.fakes import NOT_RUNNING, FakeClient, FakeClock, FakeSleep

from syncropel.api.schema import FleetStatus
from syncropel.errors import DaemonUnreachable, RemoteError
from tui.connection import MAX_BACKOFF_SECS, Connection
from tui.model.glyphs import ASCII, UNICODE
from tui.model.link import Link, Phase, link_text, trouble_lines


class Line:
    """A running connection."""

    def __init__(self) -> None:
        self.client, self.clock, self.sleep = FakeClient(), FakeClock(), FakeSleep()
        self.snapshots: list[FleetStatus] = []
        self.moves = 0
        self.connection = Connection(
            self.client,
            clock=self.clock,
            sleep=self.sleep,
            random=lambda: 1.0,
            on_snapshot=lambda status, at: self.snapshots.append(status),
            on_link=self._moved,
        )

    def _moved(self) -> None:
        self.moves += 1

    @property
    def link(self) -> Link:
        return self.connection.link()

    async def turn(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def retry(self, times: int = 1) -> None:
        for _ in range(times):
            self.sleep.wake()
            await self.turn()

    async def hears(self, data: object, name: str = "fleet.snapshot") -> None:
        self.client.push(data, name)
        await self.turn()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    one = Line()
    task = asyncio.create_task(one.connection.run())
    await one.turn()
    yield one
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_connecting_until_the_first_snapshot(line: Line) -> None:
    assert line.link.phase is Phase.CONNECTING
    await line.hears(world.status())
    assert line.link.phase is Phase.LIVE
    assert line.snapshots == [world.status()]


async def test_silence_on_an_open_stream_is_stale_with_its_age(line: Line) -> None:
    await line.hears(world.status())
    line.clock.seconds += 10
    assert line.link.live
    line.clock.seconds += 2
    assert (line.link.phase, line.link.age) == (Phase.STALE, 12)
    await line.hears(world.status())
    assert line.link.live


async def test_any_event_is_a_sign_of_life(line: Line) -> None:
    await line.hears(world.status())
    line.clock.seconds += 12
    await line.hears({"at": world.NOW}, "heartbeat")
    assert line.link.live


async def test_a_heartbeat_alone_is_not_live_as_nothing_was_seen_yet(line: Line) -> None:
    await line.hears({"at": world.NOW}, "heartbeat")
    assert not line.link.live


async def test_the_interval_of_the_daemon_decides_what_silence_is(line: Line) -> None:
    await line.hears(world.status(heartbeat_interval_secs=30.0))
    line.clock.seconds += 60
    assert line.link.live


async def test_a_broken_stream_is_stale_then_retrying_then_live_again(line: Line) -> None:
    await line.hears(world.status())
    line.client.error = DaemonUnreachable("no answer in time", "is it busy?")
    line.client.cut()
    await line.turn()
    line.clock.seconds += 3
    assert (line.link.phase, line.link.age) == (Phase.STALE, 3)
    await line.retry(2)
    assert (line.link.phase, line.link.attempt) == (Phase.RETRYING, 3)
    assert line.link.reason == "no answer in time"
    line.client.error = None
    await line.retry()
    assert not line.link.live, "an open door is no news yet"
    await line.hears(world.status())
    assert line.link == Link(Phase.LIVE, 0.0)


async def test_nobody_there_again_and_again_is_down_and_still_retrying(line: Line) -> None:
    await line.hears(world.status())
    line.client.error = NOT_RUNNING
    line.client.cut()
    await line.turn()
    await line.retry(3)
    assert line.link.phase is Phase.DOWN
    opened = line.client.opened
    await line.retry()
    assert line.client.opened == opened + 1
    line.client.error = None
    await line.retry()
    await line.hears(world.status())
    assert line.link.live


async def test_nobody_there_at_first_is_down_at_once() -> None:
    line = Line()
    line.client.error = NOT_RUNNING
    task = asyncio.create_task(line.connection.run())
    await line.turn()
    assert line.link.phase is Phase.DOWN
    assert line.link.hint == "start it: spl serve"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_pauses_grow_up_to_a_limit_and_begin_small_again(line: Line) -> None:
    await line.hears(world.status())
    line.client.error = NOT_RUNNING
    line.client.cut()
    await line.turn()
    await line.retry(7)
    assert line.sleep.asked == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert max(line.sleep.asked) <= MAX_BACKOFF_SECS
    line.client.error = None
    await line.retry()
    await line.hears(world.status())
    line.client.cut()
    await line.turn()
    assert line.sleep.asked[-1] == 0.25


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_caller_is_told_so(line: Line, status: int) -> None:
    await line.hears(world.status())
    line.client.error = RemoteError(status, "auth_error", "UNAUTHORIZED", "the token is unknown", "mint one")
    line.client.cut()
    await line.turn()
    await line.retry()
    assert line.link.phase is Phase.DENIED
    assert (line.link.reason, line.link.hint) == ("the token is unknown", "mint one")
    assert f"UNAUTHORIZED ({status})" in link_text(line.link, UNICODE)


async def test_a_stopping_daemon_says_when_to_come_back(line: Line) -> None:
    await line.hears(world.status())
    await line.hears({"retry_after_ms": 1500}, "server_shutdown")
    assert line.sleep.asked == [1.5]
    assert line.link.reason == "the daemon is stopping"
    assert line.link.phase is Phase.STALE


async def test_a_console_that_fell_behind_begins_anew(line: Line) -> None:
    await line.hears(world.status())
    await line.hears({"code": "lagged"}, "error")
    await line.retry()
    assert line.client.opened == 2


@pytest.mark.parametrize("nonsense", [{"at": "yesterday"}, [], "text", None, {}])
async def test_nonsense_is_no_snapshot_and_no_crash(line: Line, nonsense: object) -> None:
    await line.hears(world.status())
    await line.hears(nonsense)
    assert not line.link.live
    assert "cannot be read" in line.link.reason
    await line.retry()
    await line.hears(world.status())
    assert line.link.live


async def test_whatever_a_stream_raises_is_outlived(line: Line) -> None:
    await line.hears(world.status())
    line.client.cut(ZeroDivisionError("surprise"))
    await line.turn()
    assert line.link.reason == "the connection broke: ZeroDivisionError"
    await line.retry()
    await line.hears(world.status())
    assert line.link.live


async def test_reconnect_ends_a_pause(line: Line) -> None:
    await line.hears(world.status())
    line.client.error = NOT_RUNNING
    line.client.cut()
    await line.turn()
    line.client.error = None
    line.connection.reconnect()
    await line.turn()
    await line.hears(world.status())
    assert line.link.live


async def test_reconnect_drops_a_silent_stream(line: Line) -> None:
    await line.hears(world.status())
    line.clock.seconds += 60
    line.connection.reconnect()
    await line.turn()
    await line.retry()
    assert line.client.opened == 2
    await line.hears(world.status())
    assert line.link.live


@pytest.mark.parametrize(
    ("link", "text"),
    [
        (Link(Phase.LIVE, 1.0), "● LIVE"),
        (Link(Phase.STALE, 12.4), "◐ STALE 12s"),
        (Link(Phase.RETRYING, 12.0, 3, 1.2), "↻ RETRYING #3 in 2s · STALE 12s"),
        (Link(Phase.RETRYING, None, 3), "↻ RETRYING #3 now"),
        (Link(Phase.DOWN, None, 3, 4.0), "✗ DOWN, retry in 4s"),
        (Link(Phase.CONNECTING), "↻ CONNECTING"),
    ],
)
def test_the_header_says_the_state_as_glyph_and_word(link: Link, text: str) -> None:
    assert link_text(link, UNICODE) == text
    assert link_text(link, ASCII).isascii()


def test_trouble_takes_a_second_line_when_one_is_too_short() -> None:
    link = Link(Phase.DOWN, 12.0, 3, 4.0, "NOT_RUNNING", "no daemon is running", "start it: spl serve")
    assert len(trouble_lines(link, 120, UNICODE)) == 1
    assert len(trouble_lines(link, 60, UNICODE)) == 2
    assert trouble_lines(Link(Phase.LIVE, 1.0), 80, UNICODE) == ()
