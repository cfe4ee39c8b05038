"""Adapters that share a folder of runs: after a crash it is gone through once, for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncropel.adapters import Job, Observe, Outcome
from syncropel.folds.fanout.child import SESSION
from tests.engine import virtual
from tests.engine.workshop import Fragile, Workshop

from .test_taken_back import Keeper


@dataclass
class Named(Keeper):
    """A keeper whose run is named as its goal. `asked`: the runs that were wanted, each time."""

    asked: list[set[str]] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.begun.append(job.goal)
        await observe(SESSION, {"adapter": self.name, "run": job.goal, "pid": 7})
        return await self._go_on(job)

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        self.asked.append(set(wanted))
        return await super().take_back(wanted)

    async def resume(self, taken: Any, job: Job, observe: Observe) -> Outcome:
        self.resumed.append(taken)
        return await super().resume(taken, job, observe)


async def opened(store: Fragile) -> tuple[Named, Named, Named, Workshop]:
    first, second, apart = Named("first"), Named("second"), Named("apart")
    apart.runs = Path("elsewhere")
    workshop = Workshop(store, 9)
    workshop.others = {one.name: one for one in (first, second, apart)}
    await workshop.open()
    await asyncio.sleep(1.0)
    return first, second, apart, workshop


def test_no_adapter_ends_what_another_one_runs() -> None:
    async def story() -> None:
        store = Fragile(clock=asyncio.get_running_loop().time)
        *_, workshop = await opened(store)
        for name in ("first", "second", "apart"):
            await workshop.give(f"{name}-goal", adapter=name)
        await asyncio.sleep(1.0)
        await workshop.die()
        first, second, apart, workshop = await opened(store)
        assert first.asked + second.asked == [{"first-goal", "second-goal"}], "once, for both"
        assert apart.asked == [{"apart-goal"}]
        assert [one.resumed for one in (first, second, apart)] == [
            ["first-goal"],
            ["second-goal"],
            ["apart-goal"],
        ]
        assert first.begun + second.begun + apart.begun == []
        await workshop.die()

    virtual.run(story())
