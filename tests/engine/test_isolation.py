"""The isolation lease: a worker without its coordinator begins nothing more, and finishes what it began."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.fleet_sim import FleetSim
from tests.engine.virtual import run

RUN_SECS = 30.0
AT_A_TIME = 3
GOALS = 5


async def isolated(home: Path, isolation_secs: float) -> tuple[int, int]:
    """How many goals one worker had begun, and how many it had finished, a while after its coordinator died.

    Before that it was given more than it can run at a time. When the coordinator is back, all have to join.
    """
    sim = FleetSim(home, seed=7, workers=1)
    (worker,) = sim.workers
    fleet = replace(worker.settings.fleet, isolation_secs=isolation_secs)
    worker.settings = replace(worker.settings, fleet=fleet)
    sim.run_secs = lambda job: RUN_SECS
    await sim.start()
    ask = sim.coordinator.operator
    await ask("POST", "/v1/tasks", {"goal": "all of it", "alias": "T-1"})
    subtasks = [{"goal": f"goal {index}", "target": "worker-a"} for index in range(GOALS)]

    async def fanned_out() -> bool:
        answer = await ask("POST", "/v1/tasks/T-1/fan-out", {"subtasks": subtasks, "join": "all"})
        return answer is not None and answer.status_code == 201

    async def all_given() -> bool:
        engine = worker.engine
        assert engine is not None
        return engine.dispatcher.running == AT_A_TIME and engine.dispatcher.queued == GOALS - AT_A_TIME

    async def joined() -> bool:
        answer = await ask("GET", "/v1/tasks/T-1/join")
        return answer is not None and answer.status_code == 200 and answer.json()["complete"] is True

    await sim.until(fanned_out, 60)
    await sim.until(all_given, 60)
    sim.coordinator.crash("for good", back=False)
    await _later(sim, 3 * RUN_SECS)
    assert worker.engine is not None
    begun, finished = len(sim.runs), len(worker.engine.fan_outs.outbox)
    await sim.coordinator.start()
    await sim.until(joined, 300)
    assert sorted({child for _, child, _ in sim.runs}) == sorted(child for _, child, _ in sim.runs), (
        "once each"
    )
    assert sim.problems == []
    await sim.stop()
    return begun, finished


async def _later(sim: FleetSim, secs: float) -> None:
    end = sim.loop.time() + secs

    async def over() -> bool:
        return sim.loop.time() >= end

    await sim.until(over, secs + 10)


@pytest.mark.parametrize(
    ("isolation_secs", "begun"),
    [(10.0, AT_A_TIME), (RUN_SECS + 10, GOALS), (0.0, GOALS)],
    ids=["shorter than a run", "longer than a run", "without a lease"],
)
def test_what_a_worker_begins_while_its_coordinator_is_away(
    tmp_path: Path, isolation_secs: float, begun: int
) -> None:
    """What runs is finished in any case, and its report waits; what was not begun follows after contact."""
    assert run(isolated(tmp_path, isolation_secs)) == (begun, begun)


def test_a_worker_that_never_met_its_coordinator_begins_nothing(tmp_path: Path) -> None:
    """It may have been given work in an earlier life; whether that still counts nobody has told it."""

    async def story() -> tuple[int, int]:
        sim = FleetSim(tmp_path, seed=8, workers=1)
        (worker,) = sim.workers
        fleet = replace(worker.settings.fleet, isolation_secs=10)
        worker.settings = replace(worker.settings, fleet=fleet)
        sim.run_secs = lambda job: RUN_SECS
        await sim.start()
        ask = sim.coordinator.operator
        await ask("POST", "/v1/tasks", {"goal": "one", "alias": "T-1"})
        one = {"subtasks": [{"goal": "one", "target": "worker-a"}], "join": "all"}

        async def begun() -> bool:
            await ask("POST", "/v1/tasks/T-1/fan-out", one)
            return len(sim.runs) == 1

        await sim.until(begun, 60)
        sim.coordinator.crash("for good", back=False)
        worker.crash("and so does the worker", back=False)
        await worker.start()
        await _later(sim, 60)
        alone = len(sim.runs)
        await sim.coordinator.start()

        async def again() -> bool:
            return len(sim.runs) == 2

        await sim.until(again, 60)
        await sim.stop()
        return alone, len(sim.runs)

    assert run(story()) == (1, 2)
