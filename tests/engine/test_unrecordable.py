"""Results that can be no record: what an adapter tells must leave no subtask open, and no goal run twice."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncropel.adapters import Job, Observe, Outcome
from syncropel.folds.fanout.child import COMPLETE, STREAM_EVENT
from syncropel.store.base import RecordFilter
from tests.engine.workshop import Crew, Workshop, in_workshop


@dataclass
class Liar(Crew):
    """An adapter whose programs make it say what no record holds."""

    outcome: Outcome = field(default_factory=lambda: Outcome("accept", "done"))
    costs: tuple[float, ...] = ()

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.begun.append(f"{job.goal}#{job.attempt}")
        for cost in self.costs:
            await observe(STREAM_EVENT, {"cost_usd": cost})
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "costs"),
    [
        (Outcome("accept", "\ud800"), ()),
        (Outcome("accept", "done", agent={"session": "\ud800", "cost_usd": None}), ()),
        (Outcome("accept", "x" * (2 * 1024 * 1024)), ()),
        (Outcome("accept", "done", math.inf), ()),
        (Outcome("accept", "done", 1e308), (1e308,)),
    ],
    ids=["half a character", "session", "too large", "infinite", "infinite sum"],
)
def test_a_result_that_can_be_no_record_is_a_failure(outcome: Outcome, costs: tuple[float, ...]) -> None:
    async def story(workshop: Workshop) -> None:
        crew = Liar(outcome=outcome, costs=costs)
        workshop.crew = workshop.dispatcher._place.adapters["crew"] = crew  # type: ignore[index]
        await workshop.give("one")
        await asyncio.sleep(60)
        result: dict[str, Any] = workshop.result("one")
        assert (result["verdict"], result["reason"]) == ("failed", "unrecordable")
        assert result["summary"].startswith("its result cannot be recorded: ")
        complete = [
            one.record.body
            for one in await workshop.store.query(RecordFilter(topic=COMPLETE, limit=10))
            if one.record.body["child_thread"] == "th_one"
        ]
        assert {one["verdict"] for one in complete} <= {"failed"}, "no record of it says otherwise"
        assert not any(one["success"] for one in complete)
        assert crew.begun == ["one#1"]
        again = await workshop.crash()
        await asyncio.sleep(60)
        assert again.crew.begun == []

    in_workshop(story)
