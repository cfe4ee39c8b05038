"""Leases: a beat is remembered, only a change of state is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.fleet.heartbeat import Heart
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.broadcast import Broadcast, Pulse
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import rebuild
from syncropel.errors import DaemonUnreachable, InvalidRecord, StoreError, SyncropelError
from syncropel.peer.peers import Peers, RefusedByPeer
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY
from syncropel.store.memory import MemoryStore
from tests.engine import virtual
from tests.engine.fleet_sim import FleetSim
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B

INTERVAL = 5.0


def beat(did: str = WORKER_A, **more: Any) -> dict[str, Any]:
    whole = {
        "did": did,
        "alias": "worker-a",
        "role": "worker",
        "endpoint": "http://127.0.0.1:9201",
        "version": "0.1",
        "health": "healthy",
        "leaving": False,
        "uptime_secs": 1.0,
    }
    return {**whole, **more}


class Registrar:
    """A coordinator's leases over a log of its own."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.changed = Pulse()

    async def open(self, interval: float = INTERVAL) -> Registrar:
        runtime = virtual.runtime()
        self.ingest = Ingest(self.store, await rebuild(self.store), Broadcast(), COORDINATOR, runtime)
        self.leases = Leases(self.ingest, COORDINATOR, interval, runtime, self.changed)
        return self

    def states(self, did: str = WORKER_A) -> list[str]:
        """What was written down of this instance, in order."""
        bodies = [one.record.body for one in self.store._log if one.record.thread == INSTANCE_REGISTRY]
        return [body["state"] for body in bodies if body["did"] == did]

    async def silence(self, secs: float) -> None:
        """Time goes by, with a look every second."""
        for _ in range(int(secs)):
            await asyncio.sleep(1)
            await self.leases.sweep()


def at_registrar(story: Callable[[Registrar], Coroutine[Any, Any, None]], interval: float = INTERVAL) -> None:
    async def tell() -> None:
        await story(await Registrar(MemoryStore(clock=lambda: 0.0)).open(interval))

    virtual.run(tell())


@pytest.mark.parametrize("secs", [20, 3_600])
def test_a_coordinator_that_was_stopped_calls_nobody_silent(secs: int) -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.leases.beat(beat(WORKER_B, alias="worker-b"))
        await registrar.silence(10)
        await asyncio.sleep(secs)  # SIGSTOP, or a machine that was paused: nobody looks
        await registrar.leases.beat(beat())
        await registrar.leases.sweep()
        assert registrar.states() == registrar.states(WORKER_B) == ["joined"]
        await registrar.silence(4)
        assert registrar.states(WORKER_B) == ["joined"], "10 s before and 4 s after"
        await registrar.silence(3)
        assert registrar.states(WORKER_B) == ["joined", "stale"], "what is silent now is stale in time"
        assert registrar.states() == ["joined"]
        await registrar.silence(12)
        assert registrar.states() == ["joined", "stale"], "a beat before the first look counts from then"

    at_registrar(story)


def test_who_beats_more_often_than_one_looks_is_silent_in_time_all_the_same() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.silence(4)
        assert registrar.states() == ["joined", "stale", "archived"]

    at_registrar(story, interval=0.25)


def test_the_log_hears_once_of_a_series_of_refused_beats(caplog: pytest.LogCaptureFixture) -> None:
    async def story(registrar: Registrar) -> None:
        leases = registrar.leases
        await leases.beat(beat())
        for _ in range(50):  # one that shows a wrong token first, and then one that is taken
            leases.refused(WORKER_A, "no such token")
            assert leases.why_refused(WORKER_A) == "no such token"
            await leases.beat(beat())
            assert leases.why_refused(WORKER_A) == ""
            await registrar.silence(INTERVAL)
        assert sum("are refused" in line for line in caplog.messages) == 1
        await registrar.silence(12 * INTERVAL)
        leases.refused(WORKER_A, "x" * 1_000)
        assert sum("are refused" in line for line in caplog.messages) == 2
        assert leases.why_refused(WORKER_A) == "x" * 300

    at_registrar(story)


@pytest.mark.parametrize("revoked", [False, True])
def test_only_of_one_that_was_revoked_silence_says_that_it_is_gone(revoked: bool) -> None:
    async def story(registrar: Registrar) -> None:
        leases, live = registrar.leases, registrar.ingest.live
        await leases.beat(beat(leaving=True))
        if revoked:
            body = {"topic": "instance_credential_revoked", "did": WORKER_A, "sha256": "", "at": 0.0}
            await registrar.ingest.append_one(Record(FLEET_CONTROL, COORDINATOR, "LEARN", body))
        instance = live.registry.instances[WORKER_A]
        assert not leases.may_run(instance, 0.0)
        leases.refused(WORKER_A, "no")
        await registrar.silence(12 * INTERVAL)
        assert leases.may_run(instance, 0.0)
        await registrar.silence(1)
        assert leases.may_run(instance, 0.0) is not revoked
        assert bool(leases.why_refused(WORKER_A)) is not revoked

    at_registrar(story)


def test_many_beats_are_one_record() -> None:
    async def story(registrar: Registrar) -> None:
        for number in range(500):
            assert await registrar.leases.beat(beat(uptime_secs=float(number))) == "live"
            await registrar.silence(INTERVAL)
        assert registrar.states() == ["joined"]

    at_registrar(story)


def test_silence_grows_from_live_over_stale_to_archived() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.silence(3 * INTERVAL)
        assert registrar.states() == ["joined"]
        await registrar.silence(1)
        assert registrar.states() == ["joined", "stale"]
        await registrar.silence(9 * INTERVAL - 1)
        assert registrar.states() == ["joined", "stale"]
        await registrar.silence(1)
        assert registrar.states() == ["joined", "stale", "archived"]
        await registrar.silence(1000)
        assert registrar.states() == ["joined", "stale", "archived"]
        assert await registrar.leases.beat(beat()) == "live"
        assert registrar.states()[-1] == "joined"

    at_registrar(story)


def test_one_that_has_left_stays_so_until_it_beats() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        assert await registrar.leases.beat(beat(health="draining", leaving=True)) == "left"
        await registrar.silence(1000)
        assert registrar.states() == ["joined", "left"]
        assert await registrar.leases.beat(beat()) == "live"

    at_registrar(story)


@pytest.mark.parametrize(
    "change", [{"endpoint": "http://127.0.0.1:1"}, {"alias": "worker-z"}, {"version": "9"}]
)
def test_one_that_moved_is_written_down(change: dict[str, Any]) -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.leases.beat(beat(**change))
        await registrar.leases.beat(beat(**change))
        assert registrar.states() == ["joined", "joined"]
        (key, value), instance = (
            next(iter(change.items())),
            registrar.ingest.live.registry.instances[WORKER_A],
        )
        assert getattr(instance, key) == value

    at_registrar(story)


def test_a_restarted_coordinator_gives_everybody_time_to_beat() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.leases.beat(beat(WORKER_B, alias="worker-b"))
        await asyncio.sleep(1000)
        again = await Registrar(registrar.store).open()
        await again.silence(3 * INTERVAL)
        assert again.states() == ["joined"]
        await again.leases.beat(beat())
        await again.silence(2)
        assert again.states() == ["joined"]
        assert again.states(WORKER_B) == ["joined", "stale"]

    at_registrar(story)


def test_a_restarted_coordinator_does_not_bring_the_archived_back() -> None:
    """Silence only grows: what was archived is not stale because the listener is new."""

    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        await registrar.silence(100)
        again = await Registrar(registrar.store).open()
        await again.silence(100)
        assert again.states() == ["joined", "stale", "archived"]

    at_registrar(story)


def test_the_coordinator_itself_is_always_live() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat(COORDINATOR, role="coordinator", alias="coordinator"))
        await registrar.silence(1000)
        (own,) = registrar.leases.candidates()
        assert (own.status, registrar.states(COORDINATOR)) == ("live", ["joined"])

    at_registrar(story)


def test_a_screen_hears_of_a_beat_only_when_it_shows_something_new() -> None:
    async def story(registrar: Registrar) -> None:
        await registrar.leases.beat(beat())
        before = registrar.changed.count
        await registrar.leases.beat(beat(uptime_secs=6.0))
        assert registrar.changed.count == before
        await registrar.leases.beat(beat(active_dispatches=1))
        assert registrar.changed.count == before + 1

    at_registrar(story)


class Coordinator(Peers):
    """The other end of a heart."""

    def __init__(self) -> None:
        super().__init__(lambda: "")
        self.beats: list[tuple[float, dict[str, Any]]] = []
        self.answers: list[dict[str, Any] | SyncropelError | Callable[[], dict[str, Any]]] = []
        self.way_secs = 0.0
        """How long a beat, and its answer, are on their way."""

    async def heartbeat(self, endpoint: str, beat: dict[str, Any]) -> dict[str, Any]:
        self.beats.append((asyncio.get_running_loop().time(), beat))
        answer = self.answers.pop(0) if self.answers else {}
        if isinstance(answer, SyncropelError):
            raise answer
        await asyncio.sleep(self.way_secs)
        told = answer() if callable(answer) else answer
        await asyncio.sleep(self.way_secs)
        return told


def with_heart(story: Callable[[Coordinator, Heart, list[Any]], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        coordinator, taken = Coordinator(), []

        async def take(answer: dict[str, Any]) -> bool:
            taken.append(answer)
            if answer.get("control") == ["full disk"]:
                raise StoreError("the disk is full")
            if answer.get("control") == ["no record"]:
                raise InvalidRecord("not of this world")
            return answer.get("control") != ["for another version"]

        def make(*, leaving: bool = False, draining: bool = False, returning: bool = False) -> dict[str, Any]:
            return {"leaving": leaving, "draining": draining, "returning": returning}

        heart = Heart(coordinator, "http://c", INTERVAL, make, take, virtual.runtime())
        await story(coordinator, heart, taken)
        await coordinator.close()

    virtual.run(tell())


def test_a_heart_beats_every_interval_and_takes_the_coordinator_s_own() -> None:
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
        coordinator.answers = [{}, {}, {"heartbeat_interval_secs": 2}]
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(14.5)
        assert [at for at, _ in coordinator.beats] == [0.0, 5.0, 10.0, 12.0, 14.0]
        beating.cancel()

    with_heart(story)


def test_a_heart_knows_that_it_is_refused_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
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

    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
        coordinator.answers = [{}] * 8
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(1)
        await heart.drain()
        await asyncio.sleep(INTERVAL + 1)
        await heart.leave()
        await asyncio.sleep(3 * INTERVAL)
        beating.cancel()
        told = [(beat["draining"], beat["leaving"]) for _, beat in coordinator.beats]
        assert told == [(False, False), (True, False), (True, False), (True, True)]

    with_heart(story)


def test_a_heart_that_is_not_heard_beats_sooner() -> None:
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
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
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
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
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
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

    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
        coordinator.answers = [{"control": control}, {"control": control}]
        beating = asyncio.ensure_future(heart.run())
        await asyncio.sleep(60)
        assert len(coordinator.beats) > 10
        assert not beating.done()
        beating.cancel()

    with_heart(story)


def test_the_last_beat_says_that_it_leaves_and_tolerates_silence() -> None:
    async def story(coordinator: Coordinator, heart: Heart, taken: list[Any]) -> None:
        await heart.leave()
        assert coordinator.beats[-1][1]["leaving"] is True
        coordinator.answers = [DaemonUnreachable("nobody there")]
        await heart.leave()

    with_heart(story)


def test_a_real_fleet_comes_goes_and_is_missed(tmp_path: Path) -> None:
    """The states of one worker over HTTP: it joins, dies, is missed, comes back, and leaves."""

    async def tell() -> None:
        sim = FleetSim(tmp_path, 0, workers=1)
        await sim.start()
        (worker,) = sim.workers

        def states() -> list[str]:
            bodies = [
                one.record.body for one in sim.coordinator.log._log if one.record.thread == INSTANCE_REGISTRY
            ]
            return [body["state"] for body in bodies if body["did"] == worker.did]

        await asyncio.sleep(600)
        assert states() == ["joined"]
        worker.crash("for a while", back=False)
        await asyncio.sleep(20)
        assert states() == ["joined", "stale"]
        await worker.start()
        await asyncio.sleep(2)
        assert states() == ["joined", "stale", "joined"]
        await worker.stop()
        assert states()[-1] == "left"
        await sim.stop()

    virtual.run(tell())
