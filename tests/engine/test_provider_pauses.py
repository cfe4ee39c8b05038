"""What a worker starts while a provider is paused, and what tells a goal that it must not go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from syncropel.adapters import Job, Observe, Outcome
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.engine import virtual
from tests.engine.workshop import SECS, Crew, Fragile, Workshop
from tests.folds.build import COORDINATOR


class Asker(Crew):
    """Keeps by what each goal asks whether it may go on."""

    stopped: dict[str, Callable[[], Outcome | None]]

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.stopped[job.goal] = job.stopped
        return await super().run(job, observe)


async def opened(**more: Any) -> Workshop:
    workshop = Workshop(Fragile(clock=asyncio.get_running_loop().time), 3)
    asker = Asker("slow")
    asker.stopped = {}
    workshop.others, workshop.more = {"slow": asker}, more
    await workshop.open()
    return workshop


def test_nothing_starts_on_a_paused_adapter_and_others_go_on() -> None:
    async def story() -> None:
        paused = {"slow"}
        workshop = await opened(paused=lambda name: name in paused)
        slow = workshop.others["slow"]
        await workshop.give("s1", "s2", adapter="slow")
        await workshop.give("c1")
        await asyncio.sleep(2 * SECS)
        assert (slow.begun, workshop.crew.begun) == ([], ["c1#1"])
        paused.clear()
        await asyncio.sleep(2)
        assert slow.begun == ["s1#1", "s2#1"]
        await workshop.die()

    virtual.run(story())


def test_a_pause_ends_nothing_that_runs() -> None:
    async def story() -> None:
        paused: set[str] = set()
        workshop = await opened(paused=lambda name: name in paused)
        await workshop.give("s1", adapter="slow")
        await asyncio.sleep(1)
        paused.add("slow")
        await asyncio.sleep(2 * SECS)
        assert workshop.result("s1")["verdict"] == "accept"
        await workshop.die()

    virtual.run(story())


def test_a_stop_of_what_waits_needs_no_provider() -> None:
    async def story() -> None:
        workshop = await opened(paused=lambda name: True)
        await workshop.give("s1", adapter="slow")
        await asyncio.sleep(1)
        intend = workshop.child("s1").intends[1].record
        body = {"topic": "fanout_end_child", "child_intend": intend, "attempt": 1, "reason": "stopped"}
        await workshop.ingest.append([Record("th_s1", COORDINATOR, "LEARN", body)])
        await asyncio.sleep(1)
        assert workshop.result("s1")["verdict"] == "terminated"
        await workshop.die()

    virtual.run(story())


async def freeze(workshop: Workshop, **more: Any) -> None:
    body = {"topic": "freeze", "namespace": "default", "level": "soft", "reason": "wrong", **more}
    await workshop.ingest.append([Record(FLEET_CONTROL, COORDINATOR, "LEARN", body)])


def test_a_goal_may_ask_on_under_a_soft_freeze_and_not_under_one_that_ends_it() -> None:
    async def story() -> None:
        workshop = await opened()
        asker = workshop.others["slow"]
        assert isinstance(asker, Asker)
        await workshop.give("s1", adapter="slow")
        await asyncio.sleep(1)
        assert asker.stopped["s1"]() is None
        await freeze(workshop)
        assert asker.stopped["s1"]() is None
        await freeze(workshop, terminate=True)
        told = asker.stopped["s1"]()
        assert told is not None
        assert (told.reason, told.summary) == ("frozen", "ended by the soft freeze of 'default': wrong")
        await workshop.die()

    virtual.run(story())


def test_a_goal_that_was_ended_may_ask_no_more() -> None:
    async def story() -> None:
        workshop = await opened()
        asker = workshop.others["slow"]
        assert isinstance(asker, Asker)
        await workshop.give("s1", adapter="slow")
        await asyncio.sleep(1)
        intend = workshop.child("s1").intends[1].record
        reason = {"attempt": 1, "reason": "budget_exceeded"}
        body = {"topic": "fanout_end_child", "child_intend": intend, **reason}
        await workshop.ingest.append([Record("th_s1", COORDINATOR, "LEARN", body)])
        told = asker.stopped["s1"]()
        assert told is not None
        assert told.summary == "budget_exceeded: the fan-out has spent its budget"
        await workshop.die()

    virtual.run(story())
