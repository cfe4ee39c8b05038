"""A fleet in virtual time that does a little of everything: how the fleet's golden logs were written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from syncropel.client.task_records import STEPS
from syncropel.record.threads import ENGINE_CONFIG
from tests.engine.fleet_sim import FleetSim, Node
from tests.engine.virtual import run
from tests.golden.writing import Line

OPERATOR = "did:sync:user:operator"
REVIEWER = "did:sync:user:reviewer"


def logs(home: Path) -> dict[str, list[Line]]:
    """The log of each instance, by its alias."""
    return run(_tell(home))


async def _tell(home: Path) -> dict[str, list[Line]]:
    async with _fleet(home) as sim:
        story = _Story(sim)
        await story.joined()
        await story.retried()
        await story.reported_late()
        await story.dispatched()
        await story.cancelled()
        await story.held()
        await story.ended()
        await story.moved()
        return {node.alias: await _lines(node) for node in sim.nodes}


@asynccontextmanager
async def _fleet(home: Path) -> AsyncIterator[FleetSim]:
    sim = FleetSim(home, seed=1)
    sim.run_secs = lambda job: 20.0 if "slow" in job.goal else 1.0
    sim.failing = lambda job: "fails" in job.goal and job.attempt == 1
    await sim.start()
    await sim.until(lambda: _live(sim, 3), 60)
    yield sim
    await sim.stop()
    assert sim.problems == []


async def _live(sim: FleetSim, count: int) -> bool:
    answer = await sim.coordinator.operator("GET", "/v1/fleet/status")
    return answer is not None and answer.json()["live"] == count


async def _lines(node: Node) -> list[Line]:
    every = [one async for chunk in node.log.scan() for one in chunk]
    return [(one.record, one.received_at) for one in every if one.record.thread != ENGINE_CONFIG]


class _Story:
    """What the operator of the fleet asks for, one after the other."""

    def __init__(self, sim: FleetSim) -> None:
        self._sim = sim

    async def joined(self) -> None:
        """Two in parallel, and one that waits for them."""
        await self._fan_out("T-JOINED", ("write a", "worker-a"), ("write b", "worker-b", 0))
        await self._until("T-JOINED", lambda join: join["complete"])

    async def retried(self) -> None:
        """One fails, is tried again, and the task is judged and reopened when all is done."""
        await self._fan_out("T-RETRIED", ("fails once", "worker-a"))
        await self._until("T-RETRIED", lambda join: join["subtasks"][0]["state"] == "failed")
        await self._ask("POST", "/v1/tasks/T-RETRIED/retry", {"index": 0, "hint": "mind the gap"})
        await self._until("T-RETRIED", lambda join: join["complete"])
        await self._write("T-RETRIED", "KNOW", {"verdict": "reject", "notes": "too short"}, REVIEWER)
        await self._step("T-RETRIED", "reopen")

    async def reported_late(self) -> None:
        """The first accept joins; the other reports after that."""
        await self._fan_out("T-ANY", ("write", "worker-a"), ("slow write", "worker-b"), join="any")
        await self._until("T-ANY", lambda join: join["completed"] == 2)

    async def dispatched(self) -> None:
        asked = {"goal": "fails at once", "alias": "T-DISPATCH", "target": "worker-a"}
        await self._ask("POST", "/v1/dispatch", asked)
        await self._until("T-DISPATCH", lambda join: join["subtasks"][0]["state"] == "failed")

    async def cancelled(self) -> None:
        """Cancelled while it runs; what runs is ended by hand."""
        await self._fan_out("T-CANCELLED", ("slow", "worker-a"))
        await self._until("T-CANCELLED", lambda join: join["spawned"] == 1)
        await self._step("T-CANCELLED", "cancel")
        await self._until("T-CANCELLED", lambda join: join["completed"] == 1)

    async def held(self) -> None:
        """A freeze comes before the goal has begun: it runs when the freeze is lifted."""
        await self._fan_out("T-HELD", ("write", "worker-b"), namespace="docs")
        await self._until("T-HELD", lambda join: join["spawned"] == 1)
        await self._frozen("T-HELD")

    async def ended(self) -> None:
        """A freeze ends what runs; its report comes when the freeze is lifted."""
        await self._fan_out("T-ENDED", ("slow", "worker-b"), namespace="docs")
        await self._until("T-ENDED", lambda join: join["spawned"] == 1)
        await asyncio.sleep(2)
        await self._frozen("T-ENDED")

    async def _frozen(self, alias: str) -> None:
        freeze = {"level": "hard", "namespace": "docs", "reason": "wrong way", "grace_secs": 2}
        await self._ask("POST", "/v1/fleet/freeze", freeze)
        await asyncio.sleep(5)
        await self._ask("POST", "/v1/fleet/unfreeze", {"namespace": "docs"})
        await self._until(alias, lambda join: join["completed"] == 1)

    async def moved(self) -> None:
        """An instance is lost, and its work is given to the other one."""
        join = "children.exists(c, c.verdict == 'accept')"
        await self._fan_out("T-MOVED", ("slow", "least-loaded-worker"), join=join)
        sim = self._sim
        found = await self._until("T-MOVED", lambda join: join["spawned"] == 1)
        did = found["subtasks"][0]["instance"]
        lost = next(node for node in sim.workers if node.did == did)
        lost.crash("for good", back=False)
        await self._until("T-MOVED", lambda join: join["complete"])

    async def _fan_out(self, alias: str, *parts: tuple[Any, ...], **more: Any) -> None:
        place = {key: more.pop(key) for key in ("namespace",) if key in more}
        await self._ask("POST", "/v1/tasks", {"goal": f"do {alias}", "alias": alias, **place})
        subtasks = [{"goal": goal, "target": to, "depends_on": after} for goal, to, *after in parts]
        asked = {"subtasks": subtasks, "join": "all", **more}
        await self._ask("POST", f"/v1/tasks/{alias}/fan-out", asked)

    async def _step(self, alias: str, name: str) -> None:
        step = STEPS[name]
        await self._write(alias, step.act, {"topic": step.topic, step.words: "for the record"}, OPERATOR)

    async def _write(self, alias: str, act: str, body: dict[str, Any], actor: str) -> None:
        task = await self._ask("GET", f"/v1/tasks/{alias}")
        record = {"thread": task["thread"], "actor": actor, "act": act, "body": body}
        await self._ask("POST", "/v1/records", record)

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._sim.coordinator.operator(method, path, body)
        assert answer is not None
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def _until(self, alias: str, holds: Callable[[Any], bool]) -> Any:
        async def look() -> Any:
            join = await self._ask("GET", f"/v1/tasks/{alias}/join")
            return join if holds(join) else None

        return await self._sim.until(look, 300, every_secs=0.25)
