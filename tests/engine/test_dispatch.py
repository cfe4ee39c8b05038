"""Dispatch: what was given is run, a few at a time and in order, and its result is never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from syncropel.adapters import Job, Observe, Outcome
from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.dispatch.run import Limits
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import rebuild
from syncropel.errors import StoreError
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.fanout.child import COMPLETE, END_CHILD, REATTACHED, SESSION, ChildState
from syncropel.folds.fanout.starts import CRASH_LOOP, MAX_LOSSES
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Outcome as Stored
from syncropel.store.memory import MemoryStore
from tests.engine import virtual
from tests.folds.build import COORDINATOR, WORKER_A, record

SECS = 10.0
"""How long a goal takes."""


class Fragile(MemoryStore):
    """A store whose disk may be full for a number of appends."""

    full = 0

    async def append(self, records: Any, settled: Any = None) -> list[Stored]:
        if records and self.full:
            self.full -= 1
            if settled is not None:
                settled([])
            raise StoreError("the disk is full")
        return await super().append(records, settled)


@dataclass
class Crew:
    """An adapter that notes who runs, and ends each goal as the goal says."""

    name: str = "crew"
    now: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    most: int = 0
    ended: list[dict[str, Any]] = field(default_factory=list)

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.now.append(job.goal)
        self.begun.append(f"{job.goal}#{job.attempt}")
        self.most = max(self.most, len(self.now))
        try:
            await asyncio.sleep(SECS)
            if job.goal.startswith("breaks"):
                raise ZeroDivisionError("divided")
            return Outcome("failed" if job.goal.startswith("fails") else "accept", f"did {job.goal}", 0.5)
        except asyncio.CancelledError:
            self.cancelled.append(job.goal)
            raise
        finally:
            self.now.remove(job.goal)

    async def end_orphan(self, session: dict[str, Any]) -> None:
        self.ended.append(session)


class Workshop:
    """One worker's dispatcher over a log of its own."""

    def __init__(self, store: Fragile, max_concurrent: int = 2) -> None:
        self.store = store
        self.max_concurrent = max_concurrent
        self.crew = Crew()
        self.tasks: set[asyncio.Task[None]] = set()
        self.allowed = True

    async def open(self) -> None:
        runtime = virtual.runtime()
        live = await rebuild(self.store)
        self.ingest = Ingest(self.store, live, Broadcast(), WORKER_A, runtime)
        limits = Limits(self.max_concurrent, 1800.0, "crew", 5.0)
        self.dispatcher = Dispatcher(
            self.ingest, {"crew": self.crew}, limits, WORKER_A, runtime, self.spawn, self.may_work
        )
        await self.dispatcher.resume()
        self.spawn(self.tick(), "tick")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def may_work(self) -> bool:
        return self.allowed

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.dispatcher.enforce()

    async def give(self, *goals: str, attempt: int = 1, **more: Any) -> None:
        await self.ingest.append([intend(goal, attempt, **more) for goal in goals])

    def child(self, goal: str) -> ChildState:
        return self.ingest.live.children[f"th_{goal}"]

    def result(self, goal: str, attempt: int = 1) -> dict[str, Any]:
        """What the attempt came to."""
        state = self.child(goal)
        return state.results[state.intends[attempt].record].body

    async def die(self) -> None:
        """End as by a signal: nothing is written any more."""
        self.ingest.open = False
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def crash(self) -> Workshop:
        """The same instance as a new process."""
        await self.die()
        again = Workshop(self.store, self.max_concurrent)
        await again.open()
        return again


def intend(goal: str, attempt: int = 1, **more: Any) -> Record:
    body = {
        "goal": goal,
        "parent_thread": "th_parent",
        "parent_intend": "ab" * 32,
        "index": 0,
        "attempt": attempt,
        "coordinator": COORDINATOR,
        **more,
    }
    return record("INTEND", (attempt - 1) * 1_000_000, body, actor=COORDINATOR, thread=f"th_{goal}")


def in_workshop(story: Callable[[Workshop], Coroutine[Any, Any, None]], max_concurrent: int = 2) -> None:
    async def tell() -> None:
        workshop = Workshop(Fragile(clock=lambda: 0.0), max_concurrent)
        await workshop.open()
        await story(workshop)

    virtual.run(tell())


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


class Keeper(Crew):
    """A crew whose goals outlive the daemon, and end only when they are told to."""

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
