"""What the console costs: its start, its memory, its idle time, its bytes, beside Textual's own table."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import psutil
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from benchmarks.table import Table
from syncropel.client import Call, Event, Target
from syncropel.wire import ChildOut, FleetStatus, InstanceOut, JoinStatus, Page, TaskSummary
from tui.app.console_app import ConsoleApp
from tui.connection.session import Outside
from tui.model.setup import Setup
from tui.widgets.table import Table as Rows

SIZE = (120, 40)
INSTANCES, SUBTASKS, CHANGED = 200, 1000, 5
HOUR_SECS, BEAT_SECS = 3600, 5
_ROUNDS = 15
_AT = 1_790_000_000.0
_THREAD = "th_" + "0" * 64


class Fake:
    """A daemon that says what it is told to say, and a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.now, self._sleepers = 1000.0, list[tuple[float, asyncio.Future[None]]]()
        self.join = _join(SUBTASKS, 0)

    def clock(self) -> float:
        return self.now

    async def sleep(self, secs: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + secs, future))
        await future

    def advance(self, secs: float) -> None:
        self.now += secs
        for due, future in self._sleepers:
            if due <= self.now and not future.done():
                future.set_result(None)
        self._sleepers = [one for one in self._sleepers if not one[1].done()]

    def says(self, status: FleetStatus) -> None:
        self.events.put_nowait(Event("fleet.snapshot", status.model_dump(mode="json")))

    @asynccontextmanager
    async def watch(self, path: str, last_id: str = "") -> AsyncIterator[AsyncIterator[Event]]:
        async def stream() -> AsyncIterator[Event]:
            while True:
                yield await self.events.get()

        yield stream()

    async def send(self, call: Call[Any]) -> Any:
        return self.join if call.path.endswith("/join") else Page[TaskSummary](data=[_task()])

    async def close(self) -> None:
        """There is nothing to close."""


def _status(count: int, second: int = 0, busy: int = 0) -> FleetStatus:
    instances = [
        InstanceOut(
            did=f"did:sync:instance:{n:016x}", alias=f"worker-{n:04}", role="worker", status="live",
            endpoint=f"http://127.0.0.1:{10000 + n}", health="healthy", version="0.1.0", since=_AT,
            last_heartbeat=_AT + second, uptime_secs=7200.0, active_dispatches=int(n < busy),
            queued_dispatches=0, max_concurrent=4, adapter="bash", store_records=1234,
            store_bytes=2_400_000, pid=4711,
        )
        for n in range(count)
    ]  # fmt: skip
    return FleetStatus(
        at=_AT + second, version="0.1.0", coordinator_did="", coordinator_url="", role="coordinator",
        heartbeat_interval_secs=5.0, live=count, stale=0, archived=0, instances=instances, dispatches=[],
        fanouts=[], ingested_total=4820, reconcile_queue_depth=0, records=4820, tasks_revision=second,
    )  # fmt: skip


def _task() -> TaskSummary:
    return TaskSummary(
        thread=_THREAD, alias="BIG-1", goal="A thousand subtasks", status="in_progress", priority="high",
        domain="", namespace="default", labels=[], records=1, created_at=_AT, updated_at=_AT, revision=1,
        subtasks=SUBTASKS,
    )  # fmt: skip


def _join(count: int, done: int) -> JoinStatus:
    children = [
        ChildOut(
            index=n, goal=f"subtask {n}", target="round-robin", state="accept" if n < done else "pending",
            cost_usd=0.0, attempt=1,
        )
        for n in range(count)
    ]  # fmt: skip
    return JoinStatus(
        thread=_THREAD, alias="BIG-1", goal="A thousand subtasks", namespace="default", status="in_progress",
        parent_intend="", join="all", complete=False, satisfiable=True, verdict=None,
        explanation=f"{done}/{count} accepted", subtasks=children,
        spawned=count, completed=done, accepted=done, cost_usd=0.0, started_at=_AT,
        critical_path=[], revision=done,
    )  # fmt: skip


class Peer(App[None]):
    """The same rows in Textual's DataTable."""

    def compose(self) -> ComposeResult:
        yield DataTable(id="peer")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        self.columns = table.add_columns("ALIAS", "STATUS", "BEAT", "LOAD", "HEALTH", "ROLE", "RECORDS")
        for n in range(INSTANCES):
            table.add_row(f"worker-{n:04}", "● live", "2s", "0/4", "healthy", "worker", "1234", key=str(n))


@asynccontextmanager
async def _console(screen: str, count: int) -> AsyncIterator[tuple[ConsoleApp, Pilot[None], Fake]]:
    fake = Fake()
    fake.says(_status(count))
    outside = Outside(lambda _: fake, fake.clock, fake.sleep, lambda: 1.0)
    app = ConsoleApp(Setup.single(Target(url="http://127.0.0.1:1"), screen=screen), outside=outside)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(8):
            fake.advance(0.1)
            await pilot.pause()
        yield app, pilot, fake


@contextlib.contextmanager
def _wired(app: App[None]) -> Iterator[list[str]]:
    """Collects what a terminal would be sent; a headless driver is sent nothing."""
    driver: Any = app._driver
    kind, written = type(driver), list[str]()
    kept = kind.is_headless
    kind.is_headless, driver.write = False, written.append
    try:
        yield written
    finally:
        kind.is_headless = kept
        del driver.write


async def _bytes(app: App[None], pilot: Pilot[None], change: Callable[[int], object]) -> list[int]:
    sizes = []
    with _wired(app) as written:
        for number in range(1, _ROUNDS + 1):
            await pilot.pause()
            written.clear()
            change(number)
            await pilot.pause()
            await pilot.pause()
            sizes.append(len("".join(written).encode()))
    return sizes


async def _refresh() -> tuple[float, float, float]:
    """Bytes of a refresh with some rows changed: ours, the peer's; and ours of a second with nothing but
    heartbeats. Of a change the median, of a second the mean, since ages are not written every second."""
    async with _console("fleet", INSTANCES) as (app, pilot, fake):
        ours = await _bytes(app, pilot, lambda n: fake.says(_status(INSTANCES, 0, CHANGED * (n % 2))))

        def pass_on(second: int) -> None:
            if second % BEAT_SECS == 0:
                fake.says(_status(INSTANCES, second))
            fake.advance(1.0)

        await _bytes(app, pilot, pass_on)
        second = await _bytes(app, pilot, pass_on)
    peer = Peer()
    async with peer.run_test(size=SIZE) as pilot:
        table = peer.query_one(DataTable)

        def change(number: int) -> None:
            for row in range(CHANGED):
                table.update_cell(str(row), peer.columns[3], f"{number % 2}/4")

        theirs = await _bytes(peer, pilot, change)
    return statistics.median(ours), statistics.median(theirs), statistics.fmean(second)


async def _median_ms(work: Callable[[int], Awaitable[object]]) -> float:
    times = []
    for number in range(_ROUNDS):
        begun = time.process_time()
        await work(number)
        times.append((time.process_time() - begun) * 1000)
    return statistics.median(times)


async def _ticks() -> tuple[float, float, float, float]:
    """CPU of a second: with 200 instances, with 1,000, with a change in a large tree, folded and not."""
    figures = []
    for count in (INSTANCES, 1000):
        async with _console("fleet", count) as (app, pilot, fake):

            async def idle(_: int, fake: Fake = fake, pilot: Pilot[None] = pilot) -> None:
                fake.advance(1.0)
                await pilot.pause()

            figures.append(await _median_ms(idle))
    async with _console("tasks", 3) as (app, pilot, fake):

        async def step(number: int) -> None:
            fake.join = _join(SUBTASKS, number + 1)
            fake.says(_status(3, number + 1))
            fake.advance(1.0)
            await pilot.pause()

        async def unfolded(number: int) -> None:
            await step(_ROUNDS + number)

        await step(0)
        tree = app.screen.query_one("#subtasks", Rows)
        figures.append(await _median_ms(step))
        assert len(tree._rows) < SUBTASKS
        tree.select(tree.last or "")
        tree.focus()
        tree.action_open()
        await pilot.pause()
        figures.append(await _median_ms(unfolded))
        assert len(tree._rows) > SUBTASKS - 3 * _ROUNDS  # those that were accepted stay folded
    return figures[0], figures[1], figures[2], figures[3]


async def _hour() -> tuple[float, float]:
    """Resident MiB after ten minutes and after an hour of news, one a second."""
    sizes = []
    async with _console("fleet", 50) as (_, pilot, fake):
        for second in range(1, HOUR_SECS + 1):
            fake.says(_status(50, second, second % 50))
            fake.advance(1.0)
            if second % 10 == 0:
                await pilot.pause(0)
            if second in (HOUR_SECS // 6, HOUR_SECS):
                await pilot.pause()
                sizes.append(psutil.Process().memory_info().rss / 2**20)
    return sizes[0], sizes[1]


def _given(fake: Fake, _: object) -> Fake:
    return fake


def _note(drawn: list[float]) -> None:
    drawn.append(time.perf_counter())


async def _first_paint() -> float:
    """From making the application to its first drawn screen, in ms; the imports are paid already."""
    times = []
    for _ in range(5):
        fake, begun = Fake(), time.perf_counter()
        outside = Outside(partial(_given, fake), fake.clock, fake.sleep)
        app = ConsoleApp(Setup.single(Target(url="http://127.0.0.1:1")), outside=outside)
        drawn: list[float] = []
        app.post_display_hook = partial(_note, drawn)  # type: ignore[method-assign]
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
        times.append((drawn[0] - begun) * 1000)
    return statistics.median(times)


def run() -> Table:
    """Bytes are what a terminal of 120x40 is sent, in true colour."""
    table = Table("The console", ["", "figure", "aim"])
    ours, theirs, second = asyncio.run(_refresh())
    table.add(f"bytes, {CHANGED} of {INSTANCES} rows changed", f"{ours:,.0f}", "≤ 2,048")
    table.add("  Textual's DataTable", f"{theirs:,.0f} ({theirs / max(ours, 1):.0f}x)", "")
    table.add("bytes of a second with only heartbeats", f"{second:,.0f}", "")
    idle, crowd, tree, whole = asyncio.run(_ticks())
    table.add(f"CPU ms a second, {INSTANCES} instances", f"{idle:.1f}", "< 10")
    table.add("CPU ms a second, 1,000 instances", f"{crowd:.1f}", "< 10")
    table.add(f"CPU ms a change, tree of {SUBTASKS:,} subtasks", f"{tree:.1f}", "< 50")
    table.add("  unfolded", f"{whole:.1f}", "< 50")
    table.add("ms to the first paint, imports paid", f"{asyncio.run(_first_paint()):.0f}", "< 500")
    early, late = asyncio.run(_hour())
    table.add("MiB after 10 min / 1 h of news", f"{early:.0f} / {late:.0f}", "equal")
    return table
