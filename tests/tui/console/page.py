"""The console as a person uses it: press keys, let time pass, read the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from console.fakes import FakeClient, FakeClock, FakeSleep
from console.pictures import normalised
from syncropel.api.schema import FleetStatus
from tui.app import ConsoleApp
from tui.screens.base import ConsoleScreen
from tui.widgets.lines import Lines
from tui.widgets.table import Table

SMALL, MEDIUM, LARGE = (80, 24), (120, 40), (200, 50)


class Page:
    """One open console and the world around it."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[Any], daemon: FakeClient, clock: FakeClock) -> None:
        self.app, self.pilot, self.daemon, self.clock = app, pilot, daemon, clock
        self.copied: list[str] = []
        app.copy_to_clipboard = self.copied.append  # type: ignore[method-assign]

    # What a person does

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        await self.press(*["space" if char == " " else char for char in text])

    async def click(self, table: str, row: int, times: int = 1) -> None:
        """Click on a row that is seen (0 is the first under the heading)."""
        await self.pilot.click(f"#{table}", offset=(4, row + 1), times=times)
        await self.settle()

    # What happens

    async def hears(self, *snapshots: FleetStatus | Any, name: str = "fleet.snapshot") -> None:
        """The daemon sends events."""
        for snapshot in snapshots:
            self.daemon.push(snapshot, name)
        await self.settle()

    async def after(self, seconds: float) -> None:
        """Time passes."""
        self.clock.seconds += seconds
        self.app.tick()
        await self.settle()

    async def wakes(self) -> None:
        """Every pause of the two loops ends."""
        self.app.sleep.wake()  # type: ignore[attr-defined]
        await self.settle()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Go on until it is so; fail when it never is."""
        for _ in range(100):
            if condition():
                return
            await self.wakes()
        raise AssertionError(f"it never came to that:\n{self.text}")

    async def settle(self) -> None:
        """Until every message and every loop has had its turn."""
        for _ in range(2):
            await self.pilot.pause()

    # What is seen

    @property
    def screen(self) -> ConsoleScreen:
        found = [screen for screen in self.app.screen_stack if isinstance(screen, ConsoleScreen)]
        return found[-1]

    @property
    def lines(self) -> list[str]:
        """The whole terminal, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def header(self) -> str:
        return self.says("header")

    def says(self, name: str) -> str:
        """What some lines say (header, trouble, banner, footer, nothing, task, …); empty when not shown."""
        lines = self.screen.query_one(f"#{name}", Lines)
        return lines.text if lines.display else ""

    def table(self, name: str) -> Table[Any]:
        return self.screen.query_one(f"#{name}", Table)

    def rows(self, name: str) -> list[str]:
        """The rows of a table that are seen."""
        table = self.table(name)
        return [table.row_text(table._keys[place]) for place in table.seen]

    def row(self, name: str, word: str) -> str:
        """The one row that has the word."""
        found = [row for row in self.rows(name) if word in row]
        assert len(found) == 1, f"{word}: {found} of {self.rows(name)}"
        return found[0]

    def chosen(self, name: str) -> str:
        return self.table(name).chosen

    def svg(self) -> str:
        return normalised(self.app.export_screenshot(simplify=True))


@asynccontextmanager
async def open_page(
    *,
    status: FleetStatus | None = None,
    tasks: Any = (),
    joins: Any = None,
    error: Exception | None = None,
    size: tuple[int, int] = SMALL,
    **options: Any,
) -> AsyncIterator[Page]:
    """A console whose daemon sends `status` at once, or meets with `error`."""
    daemon, clock, sleep = FakeClient(), FakeClock(), FakeSleep()
    daemon.tasks, daemon.joins, daemon.error = list(tasks), dict(joins or {}), error
    if status is not None:
        daemon.push(status)
    app = ConsoleApp(
        daemon,
        where="127.0.0.1:9100",
        clock=clock,
        sleep=sleep,
        chance=lambda: 1.0,
        tick_secs=None,
        cursor_blink=False,
        **options,
    )
    app.sleep = sleep  # type: ignore[attr-defined]
    async with app.run_test(size=size) as pilot:
        page = Page(app, pilot, daemon, clock)
        await page.settle()
        if status is not None:
            await page.until(lambda: app.state.fleet.status is not None and app.state.tasks is not None)
            await page.wakes()
        yield page
