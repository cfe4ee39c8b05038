"""What the config says of one adapter: how many of its goals run at a time, and which models may be named."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.engine import virtual
from tests.engine.workshop import SECS, Crew, Fragile, Workshop


async def opened(max_concurrent: int = 3, **more: Any) -> Workshop:
    workshop = Workshop(Fragile(clock=asyncio.get_running_loop().time), max_concurrent)
    workshop.others, workshop.more = {"slow": Crew("slow")}, more
    await workshop.open()
    return workshop


def test_a_queue_of_one_adapter_holds_up_no_other() -> None:
    async def story() -> None:
        workshop = await opened(each={"slow": 1})
        slow = workshop.others["slow"]
        await workshop.give("s1", "s2", "s3", adapter="slow")
        await workshop.give("c1", "c2")
        await asyncio.sleep(1)
        assert slow.begun == ["s1#1"]
        assert workshop.crew.begun == ["c1#1", "c2#1"]
        await asyncio.sleep(3 * SECS)
        assert (slow.begun, slow.most) == (["s1#1", "s2#1", "s3#1"], 1)
        await workshop.die()

    virtual.run(story())


def test_all_together_are_still_limited() -> None:
    async def story() -> None:
        workshop = await opened(2, each={"slow": 2})
        await workshop.give("s1", "s2", "s3", adapter="slow")
        await workshop.give("c1")
        await asyncio.sleep(1)
        assert workshop.others["slow"].begun == ["s1#1", "s2#1"]
        assert workshop.crew.begun == []
        await workshop.die()

    virtual.run(story())


def test_a_record_names_only_a_model_that_the_config_allows() -> None:
    async def story() -> None:
        workshop = await opened(models={"slow": ("m1", "m2")})
        slow = workshop.others["slow"]
        await workshop.give("asks", adapter="slow", model="m2")
        await workshop.give("asks-not", adapter="slow")
        await workshop.give("over", adapter="slow", model="dear")
        await workshop.give("none", model="m1")
        await asyncio.sleep(3 * SECS)
        assert slow.models == {"asks": "m2", "asks-not": "m1"}
        told = "model 'dear' is not allowed for 'slow' here; allowed: m1, m2"
        assert (workshop.result("over")["verdict"], workshop.result("over")["summary"]) == ("failed", told)
        assert workshop.result("none")["summary"].endswith("allowed: none")
        await workshop.die()

    virtual.run(story())


def test_an_adapters_budget_is_for_subtasks_that_name_none() -> None:
    async def story() -> None:
        workshop = await opened(budgets={"slow": 0.4})
        await workshop.give("none", adapter="slow")
        await workshop.give("own", adapter="slow", budget_usd=0.6)
        await workshop.give("tokens", adapter="slow", budget_tokens=1000)
        await workshop.give("other")
        await asyncio.sleep(SECS / 2)
        told = {run.intend.thread: run.meter.budget_usd for run in workshop.dispatcher.runs()}
        assert told == {"th_none": 0.4, "th_own": 0.6, "th_tokens": None}
        await asyncio.sleep(3 * SECS)
        assert workshop.others["slow"].budgets == {"none": 0.4, "own": 0.6, "tokens": None}
        assert workshop.crew.budgets == {"other": None}
        await workshop.die()

    virtual.run(story())


def test_an_adapter_that_cannot_be_used_says_why() -> None:
    async def story() -> None:
        workshop = await opened(problems={"mine": "its plug-in is broken"})
        await workshop.give("goal", adapter="mine")
        await asyncio.sleep(1)
        assert (
            "adapter 'mine' cannot be used here: its plug-in is broken" in workshop.result("goal")["summary"]
        )
        await workshop.die()

    virtual.run(story())
