"""The gate: after a freeze is in the log no goal starts, however its start and the freeze meet."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syncropel.adapters import BashAdapter
from syncropel.engine.dispatch.dispatcher import Dispatcher
from syncropel.engine.dispatch.run import Limits
from syncropel.engine.dispatch.starting import START_SECS, StartGate
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.fanout.child import NOT_STARTED, SESSION, ChildIntend
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import RecordFilter
from syncropel.store.memory import MemoryStore
from tests.engine.rebuilt import rebuild
from tests.engine.workshop import no_siblings
from tests.folds.build import COORDINATOR, WORKER_A, record

CHILDREN = 75
LIMIT_SECS = 120.0


@dataclass
class Slow:
    """A goal that begins so long after its gate was opened."""

    secs: float
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    struck: bool = False
    started: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def go(self) -> None:
        self.opened.set()
        asyncio.get_running_loop().call_later(self.secs, lambda: self.started.set_result(None))

    def strike(self) -> None:
        self.struck = True


async def ingest() -> Ingest:
    store = MemoryStore(clock=time.time)
    return Ingest(store, await rebuild(store), Broadcast(), WORKER_A, Runtime())


def freeze(number: int, namespace: str = "docs", topic: str = FREEZE) -> Record:
    body = {"topic": topic, "namespace": namespace, "level": "soft", "reason": "no"}
    return Record(FLEET_CONTROL, COORDINATOR, "LEARN", body, number)


INTEND = ChildIntend("r", "th_child", 1, {})


async def test_a_freeze_waits_for_a_goal_on_its_way_through_the_gate() -> None:
    log = await ingest()
    goal = Slow(START_SECS / 2)
    starting = asyncio.ensure_future(StartGate[ChildIntend](log, lambda _: True).let_through(INTEND, goal))
    await goal.opened.wait()
    await log.append([freeze(1)])
    assert goal.started.done()
    assert await starting
    assert not goal.struck


async def test_a_goal_that_keeps_a_freeze_waiting_is_killed_before_that_is_written() -> None:
    log = await ingest()
    goal = Slow(60.0)
    starting = asyncio.ensure_future(StartGate[ChildIntend](log, lambda _: True).let_through(INTEND, goal))
    await goal.opened.wait()
    before = time.monotonic()
    await log.append([freeze(1)])
    assert goal.struck
    assert time.monotonic() - before < 1.0
    assert not await starting


async def test_a_start_that_is_given_up_is_killed_and_leaves_the_turn() -> None:
    log = await ingest()
    goal = Slow(60.0)
    starting = asyncio.ensure_future(StartGate[ChildIntend](log, lambda _: True).let_through(INTEND, goal))
    await goal.opened.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert goal.struck
    async with asyncio.timeout(LIMIT_SECS):
        await log.append([freeze(1)])


class Worker:
    """A worker's dispatcher with the real bash adapter, over a log in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self.ingest = await ingest()
        adapter = BashAdapter(self.folder / "work", None, Runtime())
        limits = Limits(CHILDREN, 60.0, "bash", 0.05)
        self.dispatcher = Dispatcher(
            self.ingest,
            {"bash": adapter},
            limits,
            WORKER_A,
            Runtime(),
            self.spawn,
            self.may_work,
            no_siblings,
        )
        await self.dispatcher.resume()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def may_work(self) -> bool:
        return True

    async def give(self, number: int) -> None:
        stamp = self.folder / f"stamp-{number}"
        body = {
            "parent_thread": "th_parent",
            "parent_intend": "0" * 64,
            "index": number,
            "attempt": 1,
            "goal": f"echo $EPOCHREALTIME > {stamp}",
            "namespace": f"n{number}",
        }
        await self.ingest.append_one(record("INTEND", 1, body, thread=f"th_{number}"))

    def stamp(self, number: int) -> float | None:
        path = self.folder / f"stamp-{number}"
        text = path.read_text() if path.exists() else ""
        return float(text) if text else None  # the shell makes the file before `date` has written to it

    async def kinds(self) -> list[str]:
        found = await self.ingest.store.query(RecordFilter(limit=5000))
        return [str(one.record.body.get("kind")) for one in found]


async def test_no_goal_starts_after_the_freeze_of_its_namespace_is_in_the_log(tmp_path: Path) -> None:
    """75 goals, each frozen 0 to 30 ms after it was given, while up to 75 start at once on this machine."""
    worker = Worker(tmp_path)
    await worker.open()
    chance = random.Random(7)
    frozen_at: dict[int, float] = {}

    async def one(number: int) -> None:
        await asyncio.sleep(chance.random() * 2)
        await worker.give(number)
        await asyncio.sleep(chance.random() * 0.03)
        await worker.ingest.append_one(freeze(number + 1, f"n{number}"))
        frozen_at[number] = time.time()

    await asyncio.gather(*[one(number) for number in range(CHILDREN)])
    async with asyncio.timeout(LIMIT_SECS):
        while worker.dispatcher.running:  # noqa: ASYNC110 - what is late has to come
            await asyncio.sleep(0.05)
    stamps = {number: worker.stamp(number) for number in range(CHILDREN)}
    late = {n: at - frozen_at[n] for n, at in stamps.items() if at is not None and at > frozen_at[n]}
    assert late == {}
    held = [number for number, at in stamps.items() if at is None]
    assert held, "no freeze met a start: this proved nothing"
    kinds = await worker.kinds()
    assert kinds.count(SESSION) - kinds.count(NOT_STARTED) == CHILDREN - len(held)
    await worker.ingest.append([freeze(1000 + n, f"n{n}", UNFREEZE) for n in range(CHILDREN)])
    async with asyncio.timeout(LIMIT_SECS):
        while any(worker.stamp(number) is None for number in range(CHILDREN)):
            worker.dispatcher.enforce()
            await asyncio.sleep(0.05)
    await worker.dispatcher.stop()
