"""Work that a daemon left open: what had begun is ended or taken back, and the rest runs in order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncropel.adapters import Job, Observe, Outcome
from syncropel.folds.fanout.child import REATTACHED, SESSION
from syncropel.folds.fanout.starts import CRASH_LOOP, MAX_LOSSES
from tests.engine import virtual
from tests.engine.workshop import SECS, Crew, Fragile, Workshop, in_workshop, intend


def test_what_a_former_process_left_open_is_run_again_in_order_and_its_orphans_are_ended() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("b", "a", "c")
        await asyncio.sleep(1)
        again = await workshop.crash()
        await asyncio.sleep(3 * SECS)
        assert again.crew.begun == ["b#1", "a#1", "c#1"]
        ended = {one["child_intend"] for one in again.crew.ended}
        assert ended == {intend("b").id, intend("a").id}, "what had begun"
        assert all(again.result(goal)["verdict"] == "accept" for goal in "abc")
        third = await again.crash()
        await asyncio.sleep(SECS)
        assert third.crew.begun == []

    in_workshop(story)


def test_a_stop_gives_its_grace_and_what_is_late_runs_again() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("early")
        await asyncio.sleep(6)
        await workshop.give("late", "never")
        await asyncio.sleep(1)
        await workshop.dispatcher.stop()
        assert workshop.result("early")["verdict"] == "accept"
        assert workshop.crew.begun == ["early#1", "late#1"]
        assert workshop.child("late").open is not None
        again = await workshop.crash()
        await asyncio.sleep(2 * SECS)
        assert again.crew.begun == ["late#1", "never#1"]

    in_workshop(story)


class Keeper(Crew):
    """A crew whose goals outlive the daemon, and end only when they are told to."""

    runs = Path("run")

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.begun.append(job.goal)
        await observe(SESSION, {"adapter": "crew", "run": "r1", "pid": 7})
        return await self._go_on(job)

    async def resume(self, taken: Any, job: Job, observe: Observe) -> Outcome:
        await observe(REATTACHED, {"run": taken, "pid": 7})
        return await self._go_on(job)

    async def _go_on(self, job: Job) -> Outcome:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.cancelled.append(job.goal)
            raise
        raise AssertionError("unreachable")

    async def take_back(self, wanted: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        return {run: run for run in wanted}

    def goes_on(self, taken: Any) -> bool:
        return True

    def leave_running(self) -> None:
        """As its own process it runs on anyway."""


async def keep(workshop: Workshop) -> Workshop:
    """This workshop with a crew that outlives its daemon."""
    workshop.crew = Keeper("bash")  # the one that writes its session itself
    await workshop.open()
    await asyncio.sleep(1.0)
    return workshop


def test_a_run_is_ended_when_it_has_outlived_too_many_daemons() -> None:
    async def story() -> None:
        workshop = await keep(Workshop(Fragile(clock=asyncio.get_running_loop().time)))
        await workshop.give("kills")
        await asyncio.sleep(1.0)
        assert workshop.crew.begun == ["kills"]
        for _ in range(MAX_LOSSES):
            assert workshop.child("kills").open is not None
            await workshop.die()
            workshop = await keep(Workshop(workshop.store))
            assert workshop.crew.begun == []
        assert workshop.result("kills")["verdict"] == "failed"
        assert workshop.result("kills")["reason"] == CRASH_LOOP
        assert workshop.crew.cancelled == ["kills"]

    virtual.run(story())
