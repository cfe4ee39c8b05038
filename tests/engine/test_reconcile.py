"""The reconciler: each fan-out goes on by what is folded, whatever became of the step before or of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.fanout import reconcile
from syncropel.engine.upkeep import CRON_SECS
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.joining import decide_join
from syncropel.record.model import MAX_CLOCK, MAX_POSTED_CLOCK, Record
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.virtual import run

PROMPT_SECS = 15.0
"""Long enough for a few subtasks and a retried delivery."""


class Desk:
    """An operator's desk at the coordinator."""

    def __init__(self, sim: FleetSim) -> None:
        self.sim = sim

    async def fan_out(self, *targets: str, name: str = "T-1", join: str = "all", **more: Any) -> None:
        await self.say("POST", "/v1/tasks", {"goal": "much", "alias": name})
        subtasks = [{"goal": f"{name} {index}", "target": target} for index, target in enumerate(targets)]
        await self.say("POST", f"/v1/tasks/{name}/fan-out", {"subtasks": subtasks, "join": join, **more})

    async def say(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.sim.coordinator.operator(method, path, body)
        assert answer is not None
        assert answer.is_success, answer.text
        return answer.json()

    def task(self, name: str = "T-1") -> TaskState:
        assert self.sim.coordinator.engine is not None
        state = self.sim.coordinator.engine.ingest.live.task(name)
        assert state is not None
        return state

    def fanout(self, name: str = "T-1") -> FanOut:
        found = self.task(name).fanout
        assert found is not None
        return found

    def joined(self, name: str = "T-1") -> bool:
        return self.fanout(name).joined is not None

    def states(self, name: str = "T-1") -> list[str]:
        return [child.state for child in fan_out_children(self.fanout(name))]

    async def all_accepted(self) -> bool:
        return set(self.states()) == {"accept"}

    async def post(self, act: str, body: dict[str, Any], name: str = "T-1", **more: Any) -> None:
        record = {
            "thread": self.task(name).thread,
            "actor": "did:sync:user:ann",
            "act": act,
            "body": body,
            **more,
        }
        await self.say("POST", "/v1/records", record)


def at_desk(tmp_path: Path, story: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        sim = FleetSim(tmp_path, 0)
        await sim.start()
        await asyncio.sleep(1)
        await story(Desk(sim))
        await sim.stop()
        assert sim.problems == []

    run(tell())


def own(node: Node) -> str:
    return f"specific:{node.did}"


def test_a_coordinator_that_runs_subtasks_itself_loses_no_report(tmp_path: Path) -> None:
    """Its own records on the parent thread must leave the clocks free that its reports were promised."""

    async def story(desk: Desk) -> None:
        me = own(desk.sim.coordinator)
        await desk.fan_out(me, me, me, me, join="any")
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()
        assert desk.states() == ["accept"] * 4

    at_desk(tmp_path, story)


def test_what_was_cancelled_is_not_delivered_any_more(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        worker = desk.sim.workers[0]
        worker.crash("while it counts as live", back=False)
        await desk.fan_out("worker-a", own(worker))
        await asyncio.sleep(1)
        await desk.post("DO", {"topic": "task_cancelled", "reason": "too dear"})
        await worker.start()
        await asyncio.sleep(PROMPT_SECS)
        assert desk.sim.runs == []
        await desk.post("DO", {"topic": "task_reopened"})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_a_join_by_somebody_else_ends_it_too(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        worker = desk.sim.workers[0]
        worker.crash("while it counts as live", back=False)
        await desk.fan_out(own(worker))
        await asyncio.sleep(1)
        body = {"fulfills": desk.fanout().intend, "verdict": "accept"}
        join = Record(desk.task("T-1").thread, "did:sync:instance:x", "KNOW", body)
        assert desk.sim.coordinator.engine is not None
        await desk.sim.coordinator.engine.ingest.append_one(join)
        await worker.start()
        await asyncio.sleep(PROMPT_SECS)
        assert desk.sim.runs == []

    at_desk(tmp_path, story)


@pytest.mark.parametrize("times", [1, 3])
def test_a_disk_that_is_full_for_a_moment_only_delays(tmp_path: Path, times: int) -> None:
    async def story(desk: Desk) -> None:
        desk.sim.faults.commit = 1.0
        await desk.fan_out("worker-a")
        await desk.sim.until(desk.all_accepted, PROMPT_SECS, 0.001)
        desk.sim.coordinator.disk_full = times  # while the join waits for its commit
        await asyncio.sleep(PROMPT_SECS + times * CRON_SECS)
        assert desk.sim.coordinator.disk_full == 0
        assert desk.joined()

    at_desk(tmp_path, story)


def test_a_fan_out_that_breaks_the_reconciler_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = decide_join

    async def breaks(fanout: FanOut, *rest: Any) -> Any:
        if fanout.join == "any":
            raise ZeroDivisionError
        return await real(fanout, *rest)

    monkeypatch.setattr(reconcile, "decide_join", breaks)

    async def story(desk: Desk) -> None:
        await desk.fan_out("worker-a", name="T-1", join="any")
        await desk.fan_out("worker-a", name="T-2")
        await asyncio.sleep(PROMPT_SECS)
        assert not desk.joined("T-1")
        assert desk.joined("T-2")
        monkeypatch.undo()
        await asyncio.sleep(CRON_SECS + PROMPT_SECS)
        assert desk.joined("T-1")

    at_desk(tmp_path, story)


def test_the_highest_clock_that_may_be_posted_stops_no_fan_out(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        await desk.say("POST", "/v1/tasks", {"goal": "g", "alias": "T-1"})
        await desk.post("KNOW", {"topic": "comment"}, clock=MAX_POSTED_CLOCK)
        subtasks = [{"goal": "g", "target": "worker-a"}]
        await desk.say("POST", "/v1/tasks/T-1/fan-out", {"subtasks": subtasks})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined("T-1")

    at_desk(tmp_path, story)


@pytest.mark.parametrize("topic", ["comment", "task_reopened"])
def test_a_task_with_a_last_clock_of_an_older_log_runs_and_can_be_ended(tmp_path: Path, topic: str) -> None:
    async def story(desk: Desk) -> None:
        await desk.say("POST", "/v1/tasks", {"goal": "g", "alias": "T-1"})
        poison = Record(desk.task().thread, "did:sync:user:ann", "KNOW", {"topic": topic}, MAX_CLOCK)
        assert desk.sim.coordinator.engine is not None
        await desk.sim.coordinator.engine.ingest.append([poison], ruled=False)
        subtasks = [{"goal": "g", "target": "worker-a"}, {"goal": "g", "target": "worker-nobody"}]
        await desk.say("POST", "/v1/tasks/T-1/fan-out", {"subtasks": subtasks, "allow_unknown": True})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.states() == ["accept", "pending"]
        await desk.post("KNOW", {"topic": "task_cancelled"})
        assert desk.task().status == "cancelled"
        assert not desk.sim.coordinator.engine.ingest.live.active

    at_desk(tmp_path, story)


def test_a_slow_sibling_does_not_block_an_unrelated_branch(tmp_path: Path) -> None:
    """[2] needs only [0]; the worker of [1] is away."""

    async def story(desk: Desk) -> None:
        away = desk.sim.workers[1]
        await away.stop()
        subtasks = [
            {"goal": "a", "target": "worker-a"},
            {"goal": "b", "target": own(away)},
            {"goal": "c", "target": "worker-a", "depends_on": [0]},
        ]
        await desk.say("POST", "/v1/tasks", {"goal": "much", "alias": "T-1"})
        await desk.say("POST", "/v1/tasks/T-1/fan-out", {"subtasks": subtasks})
        await asyncio.sleep(PROMPT_SECS)
        assert desk.states() == ["accept", "pending", "accept"]
        await away.start()
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_the_join_of_an_expression_is_reached(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.sim.failing = lambda job: job.goal.endswith("1")
        join = 'children.exists(c, c.verdict == "accept") && children.exists(c, c.verdict == "failed")'
        await desk.fan_out("worker-a", "worker-b", join=join)
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_an_amended_join_is_looked_at_at_once(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        desk.sim.failing = lambda job: job.goal.endswith("1")
        await desk.fan_out("worker-a", "worker-b")
        await asyncio.sleep(PROMPT_SECS)
        assert not desk.joined()
        await desk.post("LEARN", {"topic": "fanout_amend_join", "join": "any", "reason": "one is enough"})
        await asyncio.sleep(1)
        assert desk.joined()

    at_desk(tmp_path, story)


def test_a_fan_out_waits_for_a_worker_to_join_the_fleet(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        for worker in desk.sim.workers:
            await worker.stop()
        await desk.fan_out("least-loaded-worker", "round-robin")
        await asyncio.sleep(PROMPT_SECS)
        assert desk.states() == ["pending", "pending"]
        await desk.sim.workers[1].start()
        await asyncio.sleep(PROMPT_SECS)
        assert desk.joined()
        assert {alias for alias, _, _ in desk.sim.runs} == {"worker-b"}

    at_desk(tmp_path, story)
