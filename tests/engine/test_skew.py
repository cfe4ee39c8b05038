"""A hard freeze holds everywhere at the same time, whatever the wall clocks of the instances say."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from syncropel.record.model import Record
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.virtual import run

GRACE = 5.0
Story = Callable[[FleetSim], Coroutine[Any, Any, None]]


def play(home: Path, story: Story) -> None:
    async def whole() -> None:
        sim = FleetSim(home, seed=3)
        await sim.start()
        await story(sim)
        assert sim.problems == []
        await sim.stop()

    run(whole())


async def freeze(sim: FleetSim, **fields: Any) -> float:
    """Freeze `docs` hard; gives when that was, in fleet time."""
    body = {"level": "hard", "namespace": "docs", "reason": "stop", "grace_secs": GRACE, **fields}
    answer = await sim.coordinator.operator("POST", "/v1/fleet/freeze", body)
    assert answer is not None
    assert answer.status_code == 201, answer.text
    return sim.loop.time()


async def told(node: Node) -> dict[str, Any]:
    answer = await node.operator("GET", "/v1/fleet/status")
    assert answer is not None
    (found,) = answer.json()["freezes"]
    return found


async def takes_a_know(node: Node, number: int) -> bool:
    body = {"thread": "th_x", "actor": "did:sync:user:a", "act": "KNOW"}
    answer = await node.operator(
        "POST", "/v1/records", {**body, "clock": number, "body": {"namespace": "docs"}}
    )
    assert answer is not None
    assert answer.status_code in (201, 403), answer.text
    return answer.status_code == 201


async def wait(sim: FleetSim, until: float) -> None:
    async def there() -> bool:
        return sim.loop.time() >= until

    await sim.until(there, 600, 0.05)


@pytest.mark.parametrize("ahead", [-90.0, 90.0, 1e6])
def test_work_ends_and_writes_are_refused_when_the_grace_is_over_at_the_coordinator(
    tmp_path: Path, ahead: float
) -> None:
    async def story(sim: FleetSim) -> None:
        worker = sim.workers[0]
        worker.clock_ahead = ahead
        sim.run_secs = lambda job: 600.0
        ask = sim.coordinator.operator
        await ask("POST", "/v1/tasks", {"goal": "much", "alias": "T", "namespace": "docs"})
        spec = {"subtasks": [{"goal": "long", "target": "worker-a"}], "join": "all"}
        await ask("POST", "/v1/tasks/T/fan-out", spec)
        assert worker.engine is not None
        engine = worker.engine

        async def runs() -> bool:
            return engine.dispatcher.running == 1

        await sim.until(runs, 60, 0.05)
        began = await freeze(sim)
        await wait(sim, began + 0.5)
        seen = await told(sim.coordinator)
        assert (seen["waiting"], seen["refuses_all"]) == ([], False)
        await wait(sim, began + GRACE - 0.2)
        assert await takes_a_know(worker, 1)
        assert await runs()
        await wait(sim, began + GRACE + 0.2)
        assert (await told(sim.coordinator))["refuses_all"] is True
        assert not await takes_a_know(worker, 2)
        await wait(sim, began + GRACE + 1)
        assert not await runs()

    play(tmp_path, story)


def test_an_instance_that_was_away_during_the_grace_is_hard_as_soon_as_it_hears(tmp_path: Path) -> None:
    async def story(sim: FleetSim) -> None:
        worker = sim.workers[0]
        worker.clock_ahead = -90.0
        worker.crash("in the grace", back=False)
        began = await freeze(sim)
        await wait(sim, began + GRACE + 2)
        seen = await told(sim.coordinator)
        assert (seen["waiting"], seen["refuses_all"]) == (["worker-a"], False)
        await worker.start()
        assert not await takes_a_know(worker, 1)

        async def hard_everywhere() -> bool:
            return bool((await told(sim.coordinator))["refuses_all"])

        await sim.until(hard_everywhere, 10, 0.05)

    play(tmp_path, story)


@pytest.mark.parametrize("ahead", [-90.0, 0.0])
def test_a_worker_that_is_restarted_in_the_grace_ends_it_no_later(tmp_path: Path, ahead: float) -> None:
    async def story(sim: FleetSim) -> None:
        worker = sim.workers[0]
        began = await freeze(sim)
        await wait(sim, began + 1)
        sim.coordinator.crash("nobody can ask it", back=False)
        worker.crash("in the grace", back=False)
        worker.clock_ahead = ahead
        await wait(sim, began + 3)
        await worker.start()
        assert await takes_a_know(worker, 1)
        await wait(sim, began + GRACE + 0.1)
        assert not await takes_a_know(worker, 2)

    play(tmp_path, story)


def test_what_nobody_told_a_worker_is_put_right_within_a_second(tmp_path: Path) -> None:
    """A bundle that is restored on a worker may hold an unfreeze: authors are asked of new writes only."""

    async def story(sim: FleetSim) -> None:
        worker = sim.workers[0]
        began = await freeze(sim, level="soft")
        await wait(sim, began + 10)
        assert worker.engine is not None
        body = {"topic": "unfreeze", "namespace": "docs", "level": "soft"}
        lift = Record("th_fleet_control", "did:sync:user:a", "LEARN", body)
        await worker.engine.ingest.append([lift], ruled=False)
        assert list(worker.engine.ingest.live.control.freezes) == []
        await wait(sim, sim.loop.time() + 1.2)
        assert list(worker.engine.ingest.live.control.freezes) == ["docs"]

        async def confirmed() -> bool:
            return (await told(sim.coordinator))["waiting"] == []

        await sim.until(confirmed, 30, 0.05)  # the answer takes real time as well

    play(tmp_path, story)
