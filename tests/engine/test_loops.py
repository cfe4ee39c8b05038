"""The loops of an engine: what waits in each, on which thread, and since when."""

from __future__ import annotations

import asyncio
from pathlib import Path

from syncropel.engine.loops import BACKED_UP_SECS, Backlog, Loop, backed_up, backlog, loops
from syncropel.record.model import Record
from syncropel.system.memory import MemoryGauge, MemoryUse
from tests.engine.test_reconcile import Desk, at_desk, own


def loop_of(desk: Desk, name: str) -> Loop:
    assert desk.sim.coordinator.engine is not None
    return next(one for one in loops(desk.sim.coordinator.engine) if one.name == name)


def words(desk: Desk) -> str:
    assert desk.sim.coordinator.engine is not None
    return backed_up(loops(desk.sim.coordinator.engine))


def test_a_backlog_lists_the_threads_with_the_oldest_items() -> None:
    items = [("a", 7.0), ("b", 3.0), ("a", 2.0), *((f"late {n}", 9.0) for n in range(9))]
    found = backlog(items, 10.0)
    assert found[:2] == [Backlog("a", 2, 8.0), Backlog("b", 1, 7.0)]
    assert len(found) == 5
    assert backlog([("a", 11.0)], 10.0) == [Backlog("a", 1, 0.0)], "a clock that was set back"


def test_work_that_cannot_be_delivered_is_named_until_it_is(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        assert desk.sim.coordinator.engine is not None
        delivery = desk.sim.coordinator.engine.fan_outs.delivery
        intend = Record("th_child", "did:sync:user:ann", "INTEND", {"goal": "x"}, 1).identified()
        delivery.send("th_parent", "key", "did:sync:instance:nowhere", intend)
        await asyncio.sleep(BACKED_UP_SECS - 5)
        assert loop_of(desk, "delivery").queue_depth == 1
        assert words(desk) == ""
        await asyncio.sleep(8)
        (one,) = loop_of(desk, "delivery").waiting
        assert (one.thread, one.items, one.secs) == ("th_child", 1, BACKED_UP_SECS + 3)
        assert words(desk) == "delivery is backed up: 1 wait, th_child for 33 s"
        delivery.forget("th_parent")
        assert (loop_of(desk, "delivery").queue_depth, words(desk)) == (0, "")

    at_desk(tmp_path, story)


def test_a_fan_out_whose_step_takes_long_is_named(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        go_on = asyncio.Event()
        assert desk.sim.coordinator.engine is not None
        pending = desk.sim.coordinator.engine.fan_outs.reconciler.pending
        pending.__dict__["_look"] = lambda _: go_on.wait()
        await desk.fan_out("worker-a")
        await asyncio.sleep(BACKED_UP_SECS + 1)
        found = loop_of(desk, "reconcile")
        assert [one.thread for one in found.running] == [desk.task().thread]
        assert found.running[0].secs >= BACKED_UP_SECS
        assert words(desk).startswith("reconcile is backed up: ")
        go_on.set()
        await asyncio.sleep(1)
        assert (loop_of(desk, "reconcile").queue_depth, words(desk)) == (0, "")

    at_desk(tmp_path, story)


def test_goals_that_wait_for_a_slot_are_listed_and_no_trouble(tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        me = own(desk.sim.coordinator)
        desk.sim.run_secs = lambda job: 1e6
        await desk.fan_out(*[me] * 12)
        while (found := loop_of(desk, "dispatch")).total + found.queue_depth < 12:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # virtual time does not wait for threads
        await asyncio.sleep(BACKED_UP_SECS + 5)
        found = loop_of(desk, "dispatch")
        assert found.queue_depth == 12 - found.total > 0
        assert len(found.waiting) == min(5, found.queue_depth)
        assert found.running[0].secs >= BACKED_UP_SECS
        assert words(desk) == ""

    at_desk(tmp_path, story)


def test_memory_is_compared_with_the_first_reading() -> None:
    readings = iter([500, 700, 300])
    gauge = MemoryGauge(lambda: next(readings))
    assert gauge.look() == MemoryUse(500, 500)
    assert gauge.look().growth_bytes == 200
    assert gauge.look().growth_bytes == -200
    assert MemoryGauge().look().resident_bytes > 1_000_000, "of this process"
