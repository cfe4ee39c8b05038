"""Leases: a beat is remembered, only a change of state is written down."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from syncropel.record.threads import INSTANCE_REGISTRY
from tests.engine import virtual
from tests.engine.fleet_sim import FleetSim
from tests.engine.registrar import INTERVAL, Registrar, at_registrar, beat
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B


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
