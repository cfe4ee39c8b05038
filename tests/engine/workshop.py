"""One worker's dispatcher over a log of its own, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from syncropel.adapters import Job, Observe, Outcome
from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.dispatch.run import Limits
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import StoreError
from syncropel.folds.fanout.child import ChildIntend, ChildState
from syncropel.record.model import Record
from syncropel.store.base import Judged
from syncropel.store.base import Outcome as Stored
from syncropel.store.memory import MemoryStore
from tests.engine import virtual
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, WORKER_A, record

SECS = 10.0
"""How long a goal takes."""


class Fragile(MemoryStore):
    """A store whose disk may be full for a number of appends."""

    full = 0

    async def append(self, records: Any, settled: Any = None, judged: Judged | None = None) -> list[Stored]:
        if records and self.full:
            self.full -= 1
            if settled is not None:
                settled([])
            raise StoreError("the disk is full")
        return await super().append(records, settled, judged)


@dataclass
class Crew:
    """An adapter that notes who runs, and ends each goal as the goal says."""

    name: str = "crew"
    now: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    most: int = 0
    ended: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    budgets: dict[str, float | None] = field(default_factory=dict)

    async def run(self, job: Job, observe: Observe) -> Outcome:
        self.now.append(job.goal)
        self.models[job.goal], self.budgets[job.goal] = job.model, job.budget_usd
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


async def no_siblings(intend: ChildIntend) -> dict[str, Any]:
    """Nobody coordinates these subtasks."""
    return {"subtasks": [], "left_out": 0}


class Workshop:
    """One worker's dispatcher over a log of its own."""

    def __init__(self, store: Fragile, max_concurrent: int = 2) -> None:
        self.store = store
        self.max_concurrent = max_concurrent
        self.crew = Crew()
        self.others: dict[str, Crew] = {}
        self.more: dict[str, Any] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.allowed = True

    async def open(self) -> None:
        runtime = virtual.runtime()
        live = await rebuild(self.store)
        self.ingest = Ingest(self.store, live, Broadcast(), WORKER_A, runtime)
        limits = Limits(self.max_concurrent, 1800.0, "crew", 5.0, **self.more)
        adapters = {"crew": self.crew, **self.others}
        self.dispatcher = Dispatcher(
            self.ingest, adapters, limits, WORKER_A, runtime, self.spawn, self.may_work, no_siblings
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
