"""A worker's heart: it beats in time, takes what the answer brings, and goes on whatever that is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from syncropel.engine.fleet.heartbeat import HeartbeatSender
from syncropel.errors import DaemonUnreachable, InvalidRecord, StoreError, SyncropelError
from syncropel.peer.peers import Peers, RefusedByPeer, RevokedByPeer
from syncropel.wire import Heartbeat
from tests.engine import virtual
from tests.engine.registrar import beat

INTERVAL = 5.0


class Coordinator(Peers):
    """The other end of a heart."""

    def __init__(self) -> None:
        super().__init__(lambda _: ())
        self.beats: list[tuple[float, Heartbeat]] = []
        self.answers: list[dict[str, Any] | SyncropelError | Callable[[], dict[str, Any]]] = []
        self.way_secs = 0.0
        """How long a beat, and its answer, are on their way."""

    async def heartbeat(self, endpoint: str, beat: Heartbeat) -> dict[str, Any]:
        self.beats.append((asyncio.get_running_loop().time(), beat))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, SyncropelError):
            raise answer
        await asyncio.sleep(self.way_secs)
        told = answer() if callable(answer) else answer
        await asyncio.sleep(self.way_secs)
        return told


def with_heart(story: Callable[[Coordinator, HeartbeatSender, list[Any]], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        coordinator = Coordinator()
        taken: list[Any] = []

        async def take(answer: dict[str, Any]) -> bool:
            taken.append(answer)
            if answer.get("control") == ["full disk"]:
                raise StoreError("the disk is full")
            if answer.get("control") == ["no record"]:
                raise InvalidRecord("not of this world")
            return answer.get("control") != ["for another version"]

        async def hear_revoked(told: RevokedByPeer) -> None:
            taken.append(told.instance)

        def make(*, leaving: bool = False, draining: bool = False, returning: bool = False) -> Heartbeat:
            return beat(leaving=leaving, health="draining" if draining else "healthy")

        heart = HeartbeatSender(
            coordinator, "http://c", INTERVAL, make, take, hear_revoked, virtual.runtime()
        )
        await story(coordinator, heart, taken)
        await coordinator.close()

    virtual.run(tell())


def test_a_heart_beats_every_interval_and_takes_the_coordinator_s_own() -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        coordinator.answers = [{}, {}, {"heartbeat_interval_secs": 2}]
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(14.5)
        assert [at for at, _ in coordinator.beats] == [0.0, 5.0, 10.0, 12.0, 14.0]
        beating.cancel()

    with_heart(story)


def test_a_heart_knows_that_it_is_refused_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        no = RefusedByPeer("http://c answered HTTP 401 this token is not known here")
        coordinator.answers = [no, no, no, DaemonUnreachable("gone"), no, {}]
        for why in (no.message, no.message, no.message, "", no.message, ""):
            await heart.refresh()
            assert heart.refused == why
        told = [line for line in caplog.messages if "refuses this worker's heartbeats" in line]
        assert told == [f"the coordinator refuses this worker's heartbeats: {no.message}"] * 2

    with_heart(story)


def test_a_heart_that_drains_says_so_with_every_beat_until_it_leaves() -> None:
    """One healthy beat while it stops would bring it new work."""

    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        coordinator.answers = [{}] * 8
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(1)
        await heart.drain()
        await asyncio.sleep(INTERVAL + 1)
        await heart.leave()
        await asyncio.sleep(3 * INTERVAL)
        beating.cancel()
        told = [(one.health == "draining", one.leaving) for _, one in coordinator.beats]
        assert told == [(False, False), (True, False), (True, False), (True, True)]

    with_heart(story)


def test_a_heart_that_is_not_heard_beats_sooner() -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        coordinator.answers = [DaemonUnreachable("nobody there")] * 8
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(60)
        times = [round(at, 6) for at, _ in coordinator.beats]
        assert times[:9] == [0.0, 0.2, 0.6, 1.4, 3.0, 6.2, 11.2, 16.2, 21.2]
        assert times[10] - times[9] == INTERVAL
        beating.cancel()

    with_heart(story)


@pytest.mark.parametrize("ahead", [-90.0, 0.0, 7.5])
def test_a_heart_measures_how_far_its_clock_is_ahead_whatever_the_answer_takes(ahead: float) -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        assert heart.clock_ahead_secs is None
        now = virtual.runtime().now
        coordinator.answers = [lambda: {"now": now() - ahead}] * 2
        coordinator.way_secs = 1.0
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(4)
        assert heart.clock_ahead_secs == ahead
        assert len(coordinator.beats) == 2, "the coordinator has it at once"
        await asyncio.sleep(60)
        assert heart.clock_ahead_secs is None, "an older coordinator does not say what it is there"
        beating.cancel()

    with_heart(story)


def test_an_answer_that_builds_on_an_older_state_is_asked_for_again_at_once() -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        coordinator.answers = [{"control": ["for another version"]}, {}]
        await heart.refresh()
        assert [at for at, _ in coordinator.beats] == [0.0, 0.0]
        assert heart.silence_secs == 0.0
        coordinator.answers = [{"control": ["for another version"]}] * 9
        await asyncio.sleep(60)
        await heart.refresh()
        assert len(coordinator.beats) == 5
        assert heart.silence_secs == 60.0, "what it was told is not in effect"

    with_heart(story)


@pytest.mark.parametrize("control", [["full disk"], ["no record"], "no list", None, {}])
def test_whatever_the_answer_brings_the_heart_goes_on(control: Any) -> None:
    """A heart that stops makes its instance archived, and its work goes to others."""

    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        coordinator.answers = [{"control": control}, {"control": control}]
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(60)
        assert len(coordinator.beats) > 10
        assert not beating.done()
        beating.cancel()

    with_heart(story)


def test_the_last_beat_says_that_it_leaves_and_tolerates_silence() -> None:
    async def story(coordinator: Coordinator, heart: HeartbeatSender, taken: list[Any]) -> None:
        await heart.leave()
        assert coordinator.beats[-1][1].leaving
        coordinator.answers = [DaemonUnreachable("nobody there")]
        await heart.leave()

    with_heart(story)


def test_a_heartbeat_that_would_not_be_valid_is_told_and_the_next_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it tells comes from adapters, too: nothing that they say may end the heart."""
    broken = [True]

    def made(**more: Any) -> Heartbeat:
        return beat(uptime_secs=-1.0 if broken.pop() else 1.0) if broken else beat()

    async def tell() -> None:
        coordinator = Coordinator()

        async def take(_: Any) -> bool:
            return True

        async def hear(_: Any) -> None:
            raise AssertionError("nobody is revoked")

        heart = HeartbeatSender(coordinator, "http://c", INTERVAL, made, take, hear, virtual.runtime())
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(INTERVAL)
        assert len(coordinator.beats) == 1
        assert not beating.done()
        beating.cancel()
        await coordinator.close()

    virtual.run(tell())
    assert [line for line in caplog.messages if line.startswith("this instance's heartbeat is not valid")]
