"""Dispatch: what was given is run, a few at a time and in order, and its result is never lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.fanout.child import COMPLETE, END_CHILD, SESSION
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.engine import virtual
from tests.engine.workshop import SECS, Workshop, in_workshop, intend
from tests.folds.build import COORDINATOR, record


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_so_many_at_a_time_and_in_the_order_they_came(slots: int) -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give(*"gfedcba")
        await asyncio.sleep(1)
        assert (workshop.dispatcher.running, workshop.dispatcher.queued) == (slots, 7 - slots)
        await asyncio.sleep(8 * SECS)
        assert workshop.crew.begun == [f"{goal}#1" for goal in "gfedcba"]
        assert workshop.crew.most == slots
        assert (workshop.dispatcher.running, workshop.dispatcher.queued) == (0, 0)

    in_workshop(story, slots)


def test_a_result_says_what_came_of_it() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", "fails")
        await asyncio.sleep(2 * SECS)
        good, bad = workshop.result("sweep"), workshop.result("fails")
        assert (good["verdict"], good["summary"], good["cost_usd"]) == ("accept", "did sweep", 0.5)
        assert (good["wall_time_secs"], good["attempt"]) == (SECS, 1)
        assert bad["verdict"] == "failed"
        kinds = [one.record.topic for one in workshop.store._log if one.record.topic]
        assert (kinds.count(SESSION), kinds.count(COMPLETE)) == (2, 2)

    in_workshop(story)


def test_an_intend_that_comes_twice_runs_once() -> None:
    async def story(workshop: Workshop) -> None:
        for _ in range(3):
            await workshop.give("sweep")
            await asyncio.sleep(SECS)
        assert workshop.crew.begun == ["sweep#1"]

    in_workshop(story)


def test_a_superseded_attempt_is_ended_and_says_so_before_the_next_begins() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(1)
        await workshop.give("sweep", attempt=2)
        await asyncio.sleep(2 * SECS)
        assert workshop.crew.cancelled == ["sweep"]
        assert workshop.crew.most == 1
        assert workshop.result("sweep", 1)["verdict"] == "terminated"
        assert workshop.result("sweep", 2)["verdict"] == "accept"

    in_workshop(story)


def test_accepted_work_is_told_again_and_not_done_again() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(2 * SECS)
        await workshop.give("sweep", attempt=2)
        await asyncio.sleep(1)
        first, second = workshop.result("sweep", 1), workshop.result("sweep", 2)
        assert (second["verdict"], second["summary"], second["attempt"]) == ("accept", first["summary"], 2)
        assert second["repeats"]
        assert workshop.crew.begun == ["sweep#1"]

    in_workshop(story)


def test_accepted_work_that_was_rejected_in_review_is_done_again() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(2 * SECS)
        await workshop.give("sweep", attempt=2, rejected=1)
        await asyncio.sleep(2 * SECS)
        assert "repeats" not in workshop.result("sweep", 2)
        await workshop.give("sweep", attempt=3, rejected=1)
        await asyncio.sleep(1)
        assert workshop.result("sweep", 3)["repeats"], "what was not rejected holds"
        assert workshop.crew.begun == ["sweep#1", "sweep#2"]

    in_workshop(story)


def test_failed_work_is_done_again() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("fails")
        await asyncio.sleep(2 * SECS)
        await workshop.give("fails", attempt=2)
        await asyncio.sleep(2 * SECS)
        assert workshop.crew.begun == ["fails#1", "fails#2"]

    in_workshop(story)


def test_an_adapter_that_is_not_enabled_fails_and_nothing_runs() -> None:
    """A record can never switch an adapter on."""

    async def story(workshop: Workshop) -> None:
        await workshop.give("rm -rf", adapter="bash")
        await asyncio.sleep(1)
        found = workshop.result("rm -rf")
        assert found["verdict"] == "failed"
        assert "'bash' is not enabled" in found["summary"]
        assert workshop.crew.begun == []

    in_workshop(story)


def test_an_adapter_that_breaks_is_a_failure_like_any_other() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("breaks", "sweep")
        await asyncio.sleep(2 * SECS)
        found = workshop.result("breaks")
        assert found["verdict"] == "failed"
        assert "ZeroDivisionError" in found["summary"]
        assert workshop.result("sweep")["verdict"] == "accept"

    in_workshop(story)


@pytest.mark.parametrize(
    "more", [{"timeout_secs": 10**400}, {"budget_usd": 10**400}, {"timeout_secs": "soon"}]
)
def test_an_intend_with_odd_numbers_is_run_or_fails_but_does_not_hang(more: dict[str, Any]) -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", **more)
        await workshop.give("after")
        await asyncio.sleep(3 * SECS)
        assert workshop.result("sweep")["verdict"] in ("accept", "failed")
        assert workshop.result("after")["verdict"] == "accept"

    in_workshop(story)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_full_disk_at_the_end_costs_nothing_but_time(times: int) -> None:
    """The work is done; only its result waits to be written. It is not done again, and it holds no slot."""

    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(SECS - 1)
        workshop.store.full = times
        await asyncio.sleep(1.1)
        await asyncio.sleep(30)
        assert workshop.crew.begun == ["sweep#1"]
        assert workshop.result("sweep")["verdict"] == "accept"
        kinds = [one.record.topic for one in workshop.store._log]
        assert kinds.count(COMPLETE) == 1

    in_workshop(story, 1)


def test_a_full_disk_at_the_start_only_delays() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        workshop.store.full = 3
        await asyncio.sleep(SECS + 10)
        assert workshop.result("sweep")["verdict"] == "accept"

    in_workshop(story)


def control(topic: str, clock: int, **more: Any) -> Record:
    return record("LEARN", clock, {"topic": topic, "namespace": "docs", **more}, thread=FLEET_CONTROL)


def test_a_result_that_a_freeze_refuses_is_written_when_it_is_lifted() -> None:
    """The work was done and paid for; a hard freeze that came over it must not make it be done again."""

    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", namespace="docs")
        await asyncio.sleep(SECS - 0.5)
        await workshop.ingest.append_one(
            control(FREEZE, 0, level="hard", reason="x", grace_secs=0.4, at=virtual.EPOCH + SECS - 0.5)
        )
        await asyncio.sleep(20)
        await workshop.ingest.append_one(control(UNFREEZE, 1))
        await asyncio.sleep(20)
        assert workshop.crew.begun == ["sweep#1"]
        assert workshop.result("sweep")["verdict"] in ("accept", "terminated")

    in_workshop(story)


def test_an_attempt_that_was_ended_before_it_began_never_runs() -> None:
    async def story(workshop: Workshop) -> None:
        body = {"topic": END_CHILD, "child_intend": intend("sweep").id, "reason": "drained"}
        await workshop.ingest.append_one(record("LEARN", 1, body, actor=COORDINATOR, thread="th_sweep"))
        workshop.store.full = 0
        await workshop.give("sweep")
        await asyncio.sleep(SECS)
        assert workshop.crew.begun == []
        assert workshop.result("sweep")["verdict"] == "terminated"

    in_workshop(story)


def test_what_must_not_work_now_waits_and_then_works() -> None:
    async def story(workshop: Workshop) -> None:
        workshop.allowed = False
        await workshop.give("sweep")
        await asyncio.sleep(SECS)
        assert (workshop.crew.begun, workshop.dispatcher.queued) == ([], 1)
        workshop.allowed = True
        await asyncio.sleep(2 * SECS)
        assert workshop.result("sweep")["verdict"] == "accept"

    in_workshop(story)
