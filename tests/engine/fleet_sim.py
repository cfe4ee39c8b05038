"""A whole fleet in one process and in virtual time: real engines behind their real HTTP applications, over a
network that loses and delays, with stores that survive the sudden end of whoever wrote to them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx

from syncropel.adapters import Job, Observe, Outcome
from syncropel.adapters.asking import Request
from syncropel.api.app import create_app
from syncropel.api.http.auth import OperatorDoor
from syncropel.engine.engine import Engine
from syncropel.engine.instance import Instance
from syncropel.engine.lifecycle import Lifecycle
from syncropel.errors import StoreError
from syncropel.folds.fanout.talk import question_id
from syncropel.record.model import Record, StoredRecord
from syncropel.settings.config import DispatchSettings, FleetSettings, Settings
from syncropel.settings.home import Home
from syncropel.settings.identity import make_home
from syncropel.store.base import Entry, Judged, RecordFilter
from syncropel.store.base import Outcome as Stored
from syncropel.store.memory import MemoryStore
from tests.engine.faults import Faults
from tests.engine.virtual import Untouched, VirtualLoop

TOKEN = "spl_test_sa-fleet_0123456789abcdef0123456789abcdef"
_LIFE: contextvars.ContextVar[Life | None] = contextvars.ContextVar("life", default=None)


class Life:
    """One process of an instance. `end` is kill -9: nothing of it does anything any more."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.alive = True
        self.tasks: set[asyncio.Task[Any]] = set()
        self.context = contextvars.copy_context()
        self.context.run(_LIFE.set, self)

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return asyncio.get_running_loop().create_task(work, context=self.context)

    def end(self) -> None:
        self.alive = False
        for task in list(self.tasks):
            task.cancel()

    def check(self) -> None:
        """What a dead process comes to when it asks for anything: its end."""
        if not self.alive:
            raise asyncio.CancelledError


def owned_tasks(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
    """Task factory: each task belongs to the life in whose context it was made."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **more)
    context = more.get("context")
    life = context.get(_LIFE) if context is not None else _LIFE.get()
    if life is not None:
        life.tasks.add(task)
        task.add_done_callback(life.tasks.discard)
    return task


class Disk(Untouched):
    """A record store as one life sees it. The records outlive it; a crash hits before or after a commit."""

    def __init__(self, inner: MemoryStore, life: Life) -> None:
        self._inner = inner
        self._life = life
        self._one_at_a_time = asyncio.Lock()

    async def append(
        self, records: Sequence[Record], settled: Any = None, judged: Judged | None = None
    ) -> list[Stored]:
        self._life.check()
        # A caller that gives up does not stop the commit, as with the real writer.
        return await asyncio.shield(asyncio.ensure_future(self._commit(list(records), settled, judged)))

    async def _commit(self, records: list[Record], settled: Any, judged: Judged | None) -> list[Stored]:
        node, faults = self._life.node, self._life.node.sim.faults
        async with self._one_at_a_time:
            await asyncio.sleep(node.sim.random.random() * faults.commit)
            self._life.check()
            if records and node.disk_full:
                node.disk_full -= 1
                if settled is not None:
                    settled([])
                raise StoreError("the disk is full", "make room")
            if records and node.sim.random.random() < faults.crash_before:
                node.crash("before a commit")
                self._life.check()
            if records and node.sim.random.random() < faults.crash_after:
                await self._inner.append(records, None, judged)
                node.crash("after a commit")
                self._life.check()
            return await self._inner.append(records, settled, judged)

    async def get(self, record_id: str) -> StoredRecord | None:
        return await self._asked(self._inner.get(record_id))

    async def query(self, wanted: RecordFilter) -> list[StoredRecord]:
        return await self._asked(self._inner.query(wanted))

    async def thread(self, thread: str) -> list[StoredRecord]:
        return await self._asked(self._inner.thread(thread))

    async def scan(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[StoredRecord]]:
        async for found in self._inner.scan(after, chunk):
            await self._asked(asyncio.sleep(0))
            yield found

    async def entries(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[Entry]]:
        async for found in self._inner.entries(after, chunk):
            await self._asked(asyncio.sleep(0))
            yield found

    async def acknowledge(self, record_ids: Iterable[str]) -> None:
        await self._asked(self._inner.acknowledge(record_ids))

    async def acknowledged(self, record_ids: Collection[str]) -> set[str]:
        return await self._asked(self._inner.acknowledged(record_ids))

    @property
    def beside(self) -> None:
        return self._inner.beside

    @property
    def place(self) -> str:
        return self._inner.place

    def thread_through(self, thread: str, sequence: int) -> list[StoredRecord]:
        return self._inner.thread_through(thread, sequence)

    async def _asked(self, answer: Awaitable[Any]) -> Any:
        found = await answer
        await asyncio.sleep(0)
        self._life.check()
        return found

    @property
    def count(self) -> int:
        return self._inner.count

    @property
    def last_sequence(self) -> int:
        return self._inner.last_sequence

    async def size_bytes(self) -> int:
        return 0

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    async def close(self) -> None:
        await asyncio.sleep(0)


class Network(httpx.AsyncBaseTransport):
    """Carries requests to the application of the instance that lives at the address."""

    def __init__(self, sim: FleetSim) -> None:
        self._sim = sim

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sim, faults, random = self._sim, self._sim.faults, self._sim.random
        await request.aread()
        await asyncio.sleep(random.random() * faults.delay)
        life = sim.at(request.url)
        if life is None:
            raise httpx.ConnectError("connection refused")
        if random.random() < faults.lost:
            raise httpx.ConnectTimeout("lost on the way")
        if random.random() < faults.late:
            life.run(self._later(request, random.random() * 20))
            raise httpx.ReadTimeout("arrives after the caller gave up")
        answering = life.run(life.node.answer(request))
        await asyncio.wait({answering})
        if answering.cancelled():
            raise httpx.ReadError("the other side died")
        await asyncio.sleep(random.random() * faults.delay)
        if random.random() < faults.answer_lost:
            raise httpx.ReadTimeout("the answer was lost")
        response: httpx.Response = answering.result()
        return response

    async def _later(self, request: httpx.Request, delay: float) -> None:
        await asyncio.sleep(delay)
        life = self._sim.at(request.url)
        if life is not None:
            await life.node.answer(request)


class Scripted:
    """An adapter that does what the simulation says, and notes each run."""

    name = "scripted"

    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self, job: Job, observe: Observe) -> Outcome:
        sim = self._node.sim
        sim.note_run(self._node, job)
        if (request := sim.asks(job)) is not None:
            answer = await job.operator.ask(request)
            sim.told.append((question_id(_intend_of(self._node, job), request.id), answer.chosen, answer.by))
        await asyncio.sleep(sim.run_secs(job))
        return Outcome(sim.verdict(job), f"attempt {job.attempt}", cost_usd=0.01)

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """It leaves none."""


def _intend_of(node: Node, job: Job) -> str:
    assert node.engine is not None
    return node.engine.ingest.live.children[job.child_thread].intends[job.attempt].record


class Node:
    """One instance: its home and its log last, its processes come and go."""

    def __init__(self, sim: FleetSim, number: int, alias: str, coordinator: str, home: Path) -> None:
        self.sim = sim
        self.alias = alias
        self.did = f"did:sync:instance:{number:016x}"
        self.url = f"http://127.0.0.1:{9100 + number}"
        self.home = Home(home / alias)
        make_home(self.home)
        self.home.fleet_token.write_text(TOKEN, encoding="ascii")
        self.log = MemoryStore(clock=sim.loop.runtime().now)
        self.settings = Settings(
            fleet=FleetSettings(alias, coordinator), dispatch=DispatchSettings("scripted", max_concurrent=3)
        )
        self.life: Life | None = None
        self.engine: Engine | None = None
        self._lifecycle: Lifecycle
        self._app: Any = None
        self.crashes: list[str] = []
        self.disk_full = 0
        self.clock_ahead = 0.0
        """By how many seconds the wall clock of its machine is ahead of all others."""

    async def start(self) -> None:
        life = self.life = Life(self)
        lifecycle = Lifecycle(
            Disk(self.log, life),  # type: ignore[arg-type] # as much of a store as is used of it
            Instance(self.did, self.home, self.url),
            self.settings,
            self.sim.loop.skewed(lambda: self.clock_ahead),
            Network(self.sim),
            {"scripted": Scripted(self)},
        )
        starting = life.run(lifecycle.start())
        await asyncio.wait({starting})
        if starting.cancelled():
            return  # it died while it started
        self.engine = starting.result()
        self._app = create_app(self.engine)
        self._lifecycle = lifecycle

    def crash(self, when: str, *, back: bool = True) -> None:
        """Kill it, and start it again after a while unless it is not to come back by itself."""
        if self.life is None or not self.life.alive:
            return
        self.crashes.append(when)
        self.life.end()
        self.life = self.engine = None
        if back:
            self.sim.start_later(self)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        copied = httpx.Request(request.method, request.url, headers=request.headers, content=request.content)
        response = await httpx.ASGITransport(self._app).handle_async_request(copied)
        content = await response.aread()
        if response.status_code >= 500 and b"INTERNAL" in content:
            self.sim.problems.append(f"{self.alias}: {response.status_code} {content!r}")
        return httpx.Response(response.status_code, headers=response.headers, content=content)

    async def stop(self) -> None:
        """End it well."""
        if self.engine is not None and self.life is not None:
            await asyncio.wait({self.life.run(self._lifecycle.stop())})
            self.life.end()
            self.life = self.engine = None

    async def operator(self, method: str, path: str, body: Any = None) -> httpx.Response | None:
        """What a person asks at this machine; None while nothing runs there."""
        life = self.life
        if life is None or self.engine is None:
            return None
        asking = life.run(self._ask(method, path, body))
        await asyncio.wait({asking})
        return None if asking.cancelled() else asking.result()

    async def _ask(self, method: str, path: str, body: Any) -> httpx.Response:
        transport = httpx.ASGITransport(OperatorDoor(self._app))
        async with httpx.AsyncClient(transport=transport, base_url=self.url) as client:
            return await client.request(method, path, json=body)


class FleetSim:
    """One coordinator and some workers. Everything that happens follows from the seed."""

    def __init__(self, home: Path, seed: int, workers: int = 2) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.set_task_factory(owned_tasks)
        self.loop = loop
        self.random = Random(seed)
        self.faults = Faults()
        self.longest_run = 3.0
        self.problems: list[str] = []
        self.runs: list[tuple[str, str, int]] = []
        self.failing: Callable[[Job], bool] = lambda job: False
        self.asks: Callable[[Job], Request | None] = lambda job: None
        self.told: list[tuple[str, str, str]] = []
        """What agents were told: question, choice, and by whom."""
        self.run_secs: Callable[[Job], float] = lambda job: self.random.random() * self.longest_run
        self._starting: set[asyncio.Task[None]] = set()
        self.coordinator = Node(self, 0, "coordinator", "", home)
        self.workers = [
            Node(self, number + 1, f"worker-{letter}", self.coordinator.url, home)
            for number, letter in enumerate("abcdefgh"[:workers])
        ]
        self.nodes = [self.coordinator, *self.workers]

    async def start(self) -> None:
        for node in self.nodes:
            await node.start()

    def at(self, url: httpx.URL) -> Life | None:
        """Who lives at this address and answers."""
        for node in self.nodes:
            if node.url == f"http://{url.host}:{url.port}" and node.engine is not None:
                return node.life
        return None

    def start_later(self, node: Node) -> None:
        outside = contextvars.Context()
        delay = 0.1 + self.random.random() * self.faults.down
        self.loop.call_later(delay, self._start_now, node, context=outside)

    def _start_now(self, node: Node) -> None:
        task = self.loop.create_task(node.start())
        self._starting.add(task)
        task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.problems.append(f"cannot start: {error!r}")

    async def kill_now_and_then(self) -> None:
        """Kill somebody at random moments for as long as there are to be faults."""
        while self.faults.kill_every:
            await asyncio.sleep(self.random.expovariate(1 / self.faults.kill_every))
            if self.faults.kill_every:
                self.random.choice(self.nodes).crash("out of the blue")

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.faults = replace(Faults(), down=1.0)

    def verdict(self, job: Job) -> str:
        return "failed" if self.failing(job) else "accept"

    def note_run(self, node: Node, job: Job) -> None:
        self.runs.append((node.alias, job.child_thread, job.attempt))
        for stored in node.log._threads.get(job.child_thread, ()):
            if stored.record.act == "KNOW" and stored.record.body.get("verdict") == "accept":
                self.problems.append(f"{node.alias} runs accepted work again: {job.child_thread}")

    async def until(
        self, look: Callable[[], Awaitable[Any]], limit_secs: float, every_secs: float = 1.0
    ) -> Any:
        """Look again and again, in virtual time, until it is true."""
        end = self.loop.time() + limit_secs
        while self.loop.time() < end:
            if seen := await look():
                return seen
            await asyncio.sleep(every_secs)
        raise AssertionError(f"not within {limit_secs} virtual seconds; {self.problems}")

    async def stop(self) -> None:
        for node in reversed(self.nodes):
            await node.stop()
