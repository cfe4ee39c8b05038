"""The longest that the console's loop stands still: a long thread, a wide tree, a day's log."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from textual.app import App, ComposeResult
from textual.widgets import DataTable, Tree

from benchmarks.place import fleet
from benchmarks.replay import DAY, PER_THREAD, day, fan_out, notes, write
from benchmarks.table import Table
from syncropel.client import Target, thread_calls
from tui.app.bundle import opened
from tui.app.console_app import ConsoleApp
from tui.app.launch import set_libraries_aside, set_screen_aside
from tui.connection.session import Outside
from tui.model.setup import Setup
from tui.screens.join import JoinScreen
from tui.screens.replay import ReplayScreen
from tui.widgets.table import Table as Rows

SIZE: Final = (120, 40)
_RECORDS, _SUBTASKS, _STEPS = 10_000, 1_000, 100
_LIMIT_SECS: Final = 120.0
_AFTER_SECS: Final = 0.5
_AIM: Final = "< 50 ms"


@dataclass
class Blocks:
    """What each callback of a loop took, in ms: by the clock, and of its processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @property
    def longest(self) -> float:
        """Of the processor: other work on this machine is not ours."""
        return max(self.processor)


@contextmanager
def watched() -> Iterator[Blocks]:
    """Measure every callback of the loop of this thread."""
    blocks, kept, here = Blocks(), asyncio.Handle._run, threading.get_ident()

    def run(handle: asyncio.Handle) -> None:
        if threading.get_ident() != here:
            return kept(handle)
        begun, used = time.perf_counter(), time.thread_time()
        kept(handle)
        blocks.processor.append((time.thread_time() - used) * 1e3)
        blocks.clock.append((time.perf_counter() - begun) * 1e3)
        return None

    asyncio.Handle._run = run  # type: ignore[method-assign, assignment]
    try:
        yield blocks
    finally:
        asyncio.Handle._run = kept  # type: ignore[method-assign]


async def _until(done: Callable[[], Any]) -> None:
    deadline = time.monotonic() + _LIMIT_SECS
    while not done():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.002)


class Lists(App[None]):
    """The same rows in Textual's own table and tree."""

    def compose(self) -> ComposeResult:
        yield DataTable()
        yield Tree("")


@asynccontextmanager
async def _drawn(app: App[Any]) -> AsyncIterator[Any]:
    async with app.run_test(size=SIZE) as pilot:
        yield pilot


async def _peers() -> tuple[float, float]:
    """Filling a table with the records, and a tree with the subtasks."""
    app = Lists()
    async with _drawn(app) as pilot:
        table, tree = app.query_one(DataTable), app.query_one(Tree)
        table.add_columns("RECORD", "ACT", "WHO", "WHAT")
        with watched() as filling:
            app.call_later(table.add_rows, [(str(n), "DO", "coordinator", "x") for n in range(_RECORDS)])
            await _until(lambda: table.row_count == _RECORDS)
            await pilot.pause()
        tree.root.expand()

        def grow() -> None:
            for number in range(_SUBTASKS):
                tree.root.add_leaf(f"[{number}] subtask · accept")

        with watched() as growing:
            app.call_later(grow)
            await _until(lambda: len(tree.root.children) == _SUBTASKS)
            await pilot.pause()
    return filling.longest, growing.longest


async def _console(table: Table, target: Target) -> None:
    records, nodes = await _peers()
    set_libraries_aside()
    app = ConsoleApp(Setup.single(target, screen="tasks"), painted=set_screen_aside)
    async with _drawn(app) as pilot:
        await _until(lambda: app.fleets.front.world.link.is_live and app.fleets.front.world.tasks)

        def row(name: str, blocks: Blocks, each_ms: str = "", beside: str = "") -> None:
            table.add(name, f"{blocks.longest:.1f}", f"{max(blocks.clock):.1f}", _AIM, each_ms, beside)

        def changed(seen: Callable[[], Any], before: Any) -> bool:
            return seen() not in (None, before)

        async def walk(keys: list[str], seen: Callable[[], Any]) -> tuple[Blocks, str]:
            begun = time.perf_counter()
            with watched() as blocks:
                for key in keys:
                    before = seen()
                    await pilot.press(key)
                    await _until(partial(changed, seen, before))
            return blocks, f"{(time.perf_counter() - begun) / len(keys) * 1e3:.0f} ms"

        with watched() as blocks:
            app.push_screen(ReplayScreen("th_notes"))
            await _until(lambda: isinstance(app.screen, ReplayScreen) and _frame(app) is not None)
            await pilot.pause()
        row(f"thread of {_RECORDS:,}: open", blocks, beside=f"{records:.0f}")
        for name, keys in (
            ("step backwards", ["left"] * _STEPS),
            ("step forwards", ["right"] * _STEPS),
            ("first, last", ["home", "end"] * 5),
        ):
            row(f"  {name}", *await walk(keys, lambda: _frame(app)))
        await pilot.press("escape")
        with watched() as blocks:
            app.push_screen(JoinScreen("th_wide"))
            await _until(lambda: isinstance(app.screen, JoinScreen) and _rows(app))
            await pilot.pause()
        row(f"tree of {_SUBTASKS:,}: open", blocks)
        with watched() as blocks:
            await pilot.press("enter")
            await _until(lambda: _rows(app) >= _SUBTASKS)
            await pilot.pause()
        row("  unfold", blocks, beside=f"{nodes:.0f}")
        for name, keys in (("row by row", ["down"] * _STEPS), ("last, first", ["end", "home"] * 5)):
            row(f"  {name}", *await walk(keys, lambda: app.screen.query_one("#subtasks", Rows).chosen))


async def _day(table: Table, outside: Outside) -> None:
    """A day's log: its threads listed, every screen looked at for the first time, filter and order."""
    set_libraries_aside()
    app = ConsoleApp(Setup.single(Target(url="http://bundle")), outside=outside, painted=set_screen_aside)

    def listed() -> int:
        return sum(len(rows._rows) for rows in app.screen.query("#threads").results(Rows))

    async with _drawn(app) as pilot:

        async def row(name: str, keys: list[str], done: Callable[[], Any]) -> None:
            begun = time.perf_counter()
            with watched() as blocks:
                await pilot.press(*keys)
                await _until(done)
                took = (time.perf_counter() - begun) * 1e3
                await pilot.pause(_AFTER_SECS)
            figures = (f"{blocks.longest:.1f}", f"{max(blocks.clock):.1f}", _AIM, f"{took:.0f} ms", "")
            table.add(name, *figures)

        await row(f"bundle of {DAY:,}: tasks listed", [], lambda: app.fleets.front.world.tasks)
        await row("  tasks", ["2"], lambda: app.fleets.front.world.join)
        await row("  threads listed", ["3"], lambda: listed() >= DAY // PER_THREAD)
        await row("  filtered", ["slash", *"th_99", "enter"], lambda: listed() < DAY // PER_THREAD)
        await row("  unfiltered, sorted", ["escape", "s"], lambda: listed() >= DAY // PER_THREAD)
        await row("  feed", ["4"], lambda: True)
        await row("  policy", ["5"], lambda: True)
        await row("  a thread", ["3", "enter"], lambda: _frame(app) is not None)


def _frame(app: ConsoleApp) -> Any:
    """The record that is shown; None while it is read."""
    screen = app.screen
    return screen.reader.frames.at(screen.reader.position) if isinstance(screen, ReplayScreen) else None


def _rows(app: ConsoleApp) -> int:
    return sum(len(table._rows) for table in app.screen.query("#subtasks").results(Rows))


def run() -> Table:
    """The daemon is a process of its own; a key is pressed when what the last one asked for is shown."""
    header = ["longest block", "processor ms", "clock ms", "aim", "a key", "Textual's own"]
    table = Table("The console's loop", header)
    with tempfile.TemporaryDirectory() as folder, fleet(0) as place:
        for name, records in (("notes", notes("th_notes", _RECORDS)), ("wide", fan_out(_SUBTASKS))):
            bundle = write(Path(folder) / name, records).read_bytes()
            place.client.send(thread_calls.restore(bundle, take_up_work=True))
        asyncio.run(_console(table, Target(socket=place.home.socket)))
        day_log = write(Path(folder) / "day", day())
        begun = time.perf_counter()
        outside = opened(day_log)
        table.notes.append(f"the bundle of {DAY:,} opened in {time.perf_counter() - begun:.1f} s")
        asyncio.run(_day(table, outside))
    table.notes.append(
        "clock: with other work on this machine; a key: press to shown, with the pauses of the harness"
    )
    table.notes.append("Textual's own: filling its DataTable or its Tree with the same rows at once")
    return table
