"""Fan-outs over a fleet whose processes die and whose network loses: joined once, each child accepted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from syncropel.folds.fanout.state import CHILD_DONE, SPAWNED, FanOut
from syncropel.folds.tasks.state import fold_task
from tests.engine.faults import Complaints, Faults
from tests.engine.fleet_sim import FleetSim
from tests.engine.rebuilt import rebuild
from tests.engine.virtual import run

QUIET_SECS = 60.0
"""Long enough for every wait after a failure to end, and what is left to arrive."""


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    handler = Complaints()
    logging.getLogger("syncropel").addHandler(handler)
    yield handler
    logging.getLogger("syncropel").removeHandler(handler)


def some_subtasks(sim: FleetSim) -> list[dict[str, Any]]:
    """Work with dependencies, for every kind of target."""
    named = [f"specific:{node.did}" for node in sim.nodes]
    targets = ["worker-a", "worker-b", "least-loaded-worker", "round-robin", *named]
    return [
        {
            "goal": f"goal {index}",
            "target": sim.random.choice(targets),
            "depends_on": sorted(sim.random.sample(range(index), min(index, sim.random.randrange(3)))),
        }
        for index in range(sim.random.randrange(3, 12))
    ]


class Story:
    """An operator who wants one fan-out to join: asks again when nobody answers, retries what failed."""

    def __init__(self, sim: FleetSim, subtasks: list[dict[str, Any]], join: str = "all") -> None:
        self.sim = sim
        self.body = {"subtasks": subtasks, "join": join}
        self.impatience = 0.0

    async def tell(self, limit_secs: float = 900.0) -> None:
        sim = self.sim
        await sim.until(self._created, limit_secs)
        await sim.until(self._fanned_out, limit_secs)
        await sim.until(self._joined, limit_secs)

    async def _created(self) -> bool:
        ask = self.sim.coordinator.operator
        answer = await ask("POST", "/v1/tasks", {"goal": "all of it", "alias": "T-1"})
        return answer is not None and answer.status_code in (201, 409)

    async def _fanned_out(self) -> bool:
        answer = await self.sim.coordinator.operator("POST", "/v1/tasks/T-1/fan-out", self.body)
        return answer is not None and answer.status_code in (201, 409)

    async def _joined(self) -> bool:
        ask = self.sim.coordinator.operator
        answer = await ask("GET", "/v1/tasks/T-1/join")
        if answer is None or answer.status_code != 200:
            return False
        status = answer.json()
        for child in status["subtasks"]:
            failed = child["state"] in ("failed", "terminated", "timeout")
            impatient = child["state"] == "in_progress" and self.sim.random.random() < self.impatience
            if not status["complete"] and (failed or impatient):
                await ask("POST", "/v1/tasks/T-1/retry", {"index": child["index"], "hint": "again"})
        return bool(status["complete"])


async def parent_thread(sim: FleetSim) -> tuple[FanOut, list[Any]]:
    live = await rebuild(sim.coordinator.log)
    state = live.task("T-1")
    assert state is not None
    stored = await sim.coordinator.log.thread(state.thread)
    fanout = fold_task(state.thread, stored).fanout
    assert fanout is not None
    return fanout, [one.record for one in sorted(stored, key=lambda one: one.sequence)]


async def assert_exactly_once(sim: FleetSim) -> None:
    """What has to hold of the parent thread, whatever happened on the way."""
    fanout, records = await parent_thread(sim)
    joins = [one for one in records if one.act == "KNOW" and one.body.get("fulfills") == fanout.intend]
    assert len(joins) == 1, "joined exactly once"
    for topic in (SPAWNED, CHILD_DONE):
        facts = Counter((one.body["index"], one.body["attempt"]) for one in records if one.topic == topic)
        assert not facts or max(facts.values()) == 1, f"{topic} once for each attempt: {facts}"
    accepted: set[int] = set()
    for one in records:
        if one.topic == CHILD_DONE and one.body["verdict"] == "accept":
            accepted.add(one.body["index"])
        elif one.topic == SPAWNED:
            waits_for = fanout.spec.subtasks[one.body["index"]].depends_on
            assert accepted.issuperset(waits_for), "spawned only after all it depends on had accepted"


async def assert_nothing_left(sim: FleetSim) -> None:
    """Every subtask has its report, no instance holds work back, and live folds are what the log says."""
    fanout, _ = await parent_thread(sim)
    for index in range(len(fanout.spec.subtasks)):
        assert fanout.report(index) is not None
    for node in sim.nodes:
        assert node.engine is not None
        live = node.engine.ingest.live
        assert len(node.engine.fan_outs.outbox) == 0
        assert node.engine.dispatcher.running == node.engine.dispatcher.queued == 0
        fresh = await rebuild(node.log)
        for name in ("tasks", "children", "registry", "index", "active", "access", "control"):
            assert getattr(live, name) == getattr(fresh, name), (node.alias, name)


def tell(
    tmp_path: Path, seed: int, faults: Faults, complaints: Complaints, *, impatience: float = 0.0
) -> FleetSim:
    async def story() -> FleetSim:
        sim = FleetSim(tmp_path, seed)
        await sim.start()
        sim.faults = faults
        sim.failing = lambda job: (
            job.attempt < 3 and crc32(f"{seed} {job.goal} {job.attempt}".encode()) % 3 == 0
        )
        one = Story(sim, some_subtasks(sim))
        one.impatience = impatience
        killing = asyncio.ensure_future(sim.kill_now_and_then())
        sim.loop.call_later(QUIET_SECS, sim.calm)
        await one.tell()
        sim.calm()
        await asyncio.gather(killing, asyncio.sleep(QUIET_SECS))
        await assert_exactly_once(sim)
        await assert_nothing_left(sim)
        await sim.stop()
        return sim

    sim = run(story())
    assert sim.problems == []
    assert [said for said in complaints.said if "ended by an error" in said or "differs" in said] == []
    return sim


def test_without_faults_each_goal_runs_once_an_attempt(tmp_path: Path, complaints: Complaints) -> None:
    sim = tell(tmp_path, 1, Faults(), complaints)
    assert max(Counter(sim.runs).values()) == 1
    assert complaints.said == []


@pytest.mark.parametrize("seed", range(4))
def test_over_a_network_that_loses(tmp_path: Path, seed: int, complaints: Complaints) -> None:
    tell(tmp_path, seed, Faults(lost=0.2, late=0.15, answer_lost=0.2, delay=0.5), complaints)


@pytest.mark.parametrize("seed", range(6))
def test_with_processes_that_die(tmp_path: Path, seed: int, complaints: Complaints) -> None:
    faults = Faults(crash_before=0.06, crash_after=0.06, delay=0.05, commit=0.02, kill_every=3.0)
    sim = tell(tmp_path, seed, faults, complaints)
    assert any(node.crashes for node in sim.nodes)


@pytest.mark.parametrize("seed", range(6))
def test_with_everything_at_once(tmp_path: Path, seed: int, complaints: Complaints) -> None:
    faults = Faults(0.04, 0.04, lost=0.1, late=0.1, answer_lost=0.1, delay=0.3, commit=0.02, kill_every=5.0)
    tell(tmp_path, seed, faults, complaints, impatience=0.02)
