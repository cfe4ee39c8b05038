"""Questions over a fleet whose processes die and whose network loses: one fact each, and decided once."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import Job
from syncropel.adapters.asking import Option, Request
from syncropel.folds.fanout.talk import DECIDED, QUESTION
from tests.engine.faults import Faults
from tests.engine.fleet_sim import FleetSim
from tests.engine.test_fleet_sim import QUIET_SECS, Story, parent_thread
from tests.engine.virtual import run


class Answering(Story):
    """Answers what it sees, one way or the other; now and then it says something."""

    async def _joined(self) -> bool:
        ask = self.sim.coordinator.operator
        listed = await ask("GET", "/v1/questions?task=T-1&open=true")
        for one in listed.json()["data"] if listed is not None and listed.status_code == 200 else ():
            if self.sim.random.random() < 0.7:
                verdict = self.sim.random.choice(["allow", "deny"])
                body = {"digest": one["digest"], "verdict": verdict}
                await ask("POST", f"/v1/questions/{one['id']}/answer", body)
        if self.sim.random.random() < 0.2:
            index = self.sim.random.randrange(len(self.body["subtasks"]))
            await ask("POST", f"/v1/tasks/T-1/subtasks/{index}/messages", {"text": "hello"})
        return await super()._joined()


def request_of(job: Job) -> Request:
    options = (Option("allow_once", "yes"), Option("reject_once", "no"))
    return Request(f"{job.goal}/1", "permission", "may I?", shown={"command": job.goal}, options=options)


async def assert_decided_once(sim: FleetSim) -> None:
    """What has to hold of the coordinator's log, and of what agents were told."""
    fanout, records = await parent_thread(sim)
    for topic in (QUESTION, DECIDED):
        named = (one.body["question"] for one in records if one.topic == topic)
        facts = Counter(one["id"] if isinstance(one, dict) else one for one in named)
        assert not facts or max(facts.values()) == 1, topic
    told: dict[str, set[Any]] = {}
    for question, chosen, by in sim.told:
        told.setdefault(question, set()).add((chosen, by))
    assert told
    for question, answers in told.items():
        assert len(answers) == 1, "an agent that asks again is told the same"
        known = fanout.talk.question(question)
        assert known is not None
        assert known.decision is not None, "what an agent was told is in the coordinator's log"
        ((chosen, by),) = answers
        assert chosen == known.decision.chosen
        assert by in (known.decision.by, "time_limit")
        if known.decision.how == "operator":
            assert known.answer is not None
            assert (known.answer.record, known.answer.chosen) == (known.decision.answer, chosen)
    assert all(node.engine is not None and len(node.engine.fan_outs.outbox) == 0 for node in sim.nodes)


@pytest.mark.parametrize(
    ("seed", "faults"),
    [
        (1, Faults()),
        (2, Faults(lost=0.2, late=0.15, answer_lost=0.2, delay=0.5)),
        (3, Faults(crash_before=0.03, crash_after=0.03, delay=0.05, commit=0.02, kill_every=8.0)),
        (4, Faults(crash_before=0.02, lost=0.1, late=0.1, answer_lost=0.1, commit=0.02, kill_every=8.0)),
    ],
)
def test_each_question_is_decided_once_whatever_happens(tmp_path: Path, seed: int, faults: Faults) -> None:
    async def story() -> FleetSim:
        sim = FleetSim(tmp_path, seed)
        sim.asks = request_of
        await sim.start()
        sim.faults = faults
        targets = ["worker-a", "worker-b", f"specific:{sim.coordinator.did}", "round-robin"]
        subtasks = [{"goal": f"goal {number}", "target": sim.random.choice(targets)} for number in range(6)]
        killing = asyncio.ensure_future(sim.kill_now_and_then())
        sim.loop.call_later(QUIET_SECS, sim.calm)
        await Answering(sim, subtasks).tell()
        sim.calm()
        await asyncio.gather(killing, asyncio.sleep(QUIET_SECS))
        await assert_decided_once(sim)
        await sim.stop()
        return sim

    assert run(story()).problems == []
