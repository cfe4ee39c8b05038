"""The fleet's rules over processes that die and a network that loses: in the end all have them all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.engine.faults import Faults
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.rebuilt import rebuild
from tests.engine.virtual import run

NAMES = ("freeze-soft", "people", "daemons")
CHANGES = 12
FAULTS = Faults(0.04, 0.04, lost=0.1, late=0.1, answer_lost=0.1, delay=0.3, commit=0.02, kill_every=5.0)


async def change(sim: FleetSim, number: int) -> None:
    """Write, replace or remove a rule at the coordinator, until somebody answers."""
    name = sim.random.choice(NAMES)
    path, body = f"/v1/config/rules/permission/{name}", {"expression": f"{number} < 0", "effect": "deny"}
    removes = sim.random.random() < 0.3

    async def asked() -> bool:
        ask = sim.coordinator.operator
        answer = await (ask("POST", f"{path}/remove", {}) if removes else ask("PUT", path, body))
        return answer is not None and answer.status_code in (201, 404)

    await sim.until(asked, 300)


def texts(node: Node) -> dict[str, str]:
    assert node.engine is not None
    rules = node.engine.ingest.live.rules
    return {name: one.expression for (_, name), one in rules.known.items() if name in NAMES}


@pytest.mark.parametrize("seed", range(6))
def test_every_worker_comes_to_have_the_coordinators_rules(tmp_path: Path, seed: int) -> None:
    async def story() -> None:
        sim = FleetSim(tmp_path, seed)
        await sim.start()
        sim.faults = FAULTS
        killing = asyncio.ensure_future(sim.kill_now_and_then())
        for number in range(CHANGES):
            await change(sim, number)
        sim.calm()

        async def confirmed() -> bool:
            if any(node.engine is None for node in sim.nodes):
                return False
            answer = await sim.coordinator.operator("GET", "/v1/fleet/status")
            told: dict[str, Any] = answer.json() if answer is not None else {}
            live = told.get("live") == len(sim.nodes)
            return live and not any(one["waiting"] for one in told["rules"])

        await sim.until(confirmed, 300)
        killing.cancel()
        assert sim.coordinator.engine is not None
        digest = sim.coordinator.engine.control.propagation.digest()
        for node in sim.nodes:
            assert texts(node) == texts(sim.coordinator), node.alias
            assert node.engine is not None
            assert node.engine.ingest.live.rules == (await rebuild(node.log)).rules, node.alias
            assert node.engine.control.propagation.digest() == digest
        assert sim.problems == []
        await sim.stop()

    run(story())
