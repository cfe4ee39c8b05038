"""The console as a person uses it: keys in, words out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from textual import events
from textual._context import visible_screen_stack
from textual.app import App
from textual.keys import _character_to_key, key_to_character
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from syncropel.errors import DaemonNotRunning
from syncropel.wire import FleetStatus
from tests.tui.console_fakes import TARGET, Clock, FakeClient
from tui.app.console_app import ConsoleApp
from tui.connection.session import Outside
from tui.model.keymap import Keymap
from tui.model.setup import Fleet, Setup
from tui.widgets.lines import Lines
from tui.widgets.table import Table

PATIENCE = 10_000
"""So many turns of the loop are enough for anything."""


def without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under `NO_COLOR`, which Textual reads once, while it is imported."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(App.theme, "_default", "ansi-dark")


def is_due(screen: Screen[Any]) -> bool:
    """Whether this screen waits for its next frame.

    Each frame of one behind another tells it to repaint, which it does not do there: that does not count.
    """
    return bool(
        screen._layout_required
        or screen._scroll_required
        or (screen._repaint_required and screen.is_active)
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )


@dataclass
class Console:
    """A console in front of a fake daemon, at a time that stands still."""

    app: ConsoleApp
    pilot: Pilot[None]
    client: FakeClient
    clock: Clock

    async def settle(self) -> None:
        """Until everything that can happen at this instant has happened."""
        ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
        quiet = 0
        for _ in range(PATIENCE):
            await asyncio.sleep(0)
            if ready:
                quiet = 0
            elif (quiet := quiet + 1) == 3:
                if not self._draw() and not ready:
                    return
                quiet = 0
        raise AssertionError("the console never came to rest")

    def _draw(self) -> bool:
        """Draw the frames that are due, as their timers would; False when that changes nothing.

        What changed on a screen behind may stay due: where nothing of it shows, there is nothing to draw.
        """
        due = [screen for screen in (*self.app._background_screens, self.app.screen) if is_due(screen)]
        for screen in due:
            screen._on_timer_update()
        return not all(is_due(screen) for screen in due)

    async def press(self, *keys: str) -> None:
        """One key after another, each when the last has done its work; a word goes into its field at once."""
        for key, after in pairwise((*keys, "")):
            self.app.post_message(self.key(key))
            if not (self.is_typed(key) and self.is_typed(after)):
                await self.settle()

    def is_typed(self, key: str) -> bool:
        """Whether this key is a character of a field that has the focus."""
        return isinstance(self.app.focused, Input) and (len(key) == 1 or key == "space")

    @staticmethod
    def key(name: str) -> events.Key:
        """A key as the terminal gives it: a character, or a name such as `pagedown`."""
        return (
            events.Key(_character_to_key(name), name)
            if len(name) == 1
            else events.Key(name, key_to_character(name))
        )

    async def hears(self, status: FleetStatus) -> None:
        self.client.snapshot(status)
        await self.settle()

    async def passes(self, secs: float) -> None:
        self.clock.advance(secs)
        await self.settle()

    async def loses(self, error: BaseException | None = None) -> None:
        """The daemon goes away, and nobody answers any more."""
        gone = error or DaemonNotRunning("no daemon answers at http://127.0.0.1:7700", "start it: spl serve")
        self.client.refuse = gone
        self.client.break_with(gone)
        await self.settle()

    async def down(self) -> None:
        await self.loses()
        for _ in range(3):
            await self.passes(5)

    async def resize(self, size: tuple[int, int]) -> None:
        """The terminal has another size from now on."""
        await self.pilot.resize_terminal(*size)
        await self.settle()

    async def filter(self, words: str) -> None:
        await self.press("slash", *("space" if char == " " else char for char in words))
        await self.press("enter")

    def part(self, name: str) -> str:
        """Header, banner, footer, summary, facts or keys as text."""
        return self.app.screen.query_one(f"#{name}", Lines).text

    def table(self, name: str) -> Table:
        return self.app.screen.query_one(f"#{name}", Table)

    def rows(self, name: str) -> list[str]:
        return [row.key for row in self.table(name)._rows]

    @property
    def drawn(self) -> str:
        """All that stands on the terminal, as text."""
        app = self.app
        visible_screen_stack.set(app._background_screens)  # else a dialog is drawn, and kept, over nothing
        return "\n".join(strip.text for strip in app.screen._compositor.render_strips())

    def picture(self) -> str:
        return self.app.export_screenshot(simplify=True)


@asynccontextmanager
async def console(
    size: tuple[int, int] = (120, 40),
    status: FleetStatus | None = None,
    client: FakeClient | None = None,
    read_only: bool = False,
    keymap: Keymap | None = None,
    offline: str = "",
    **how: Any,
) -> AsyncIterator[Console]:
    """Open the console; with a status it is live already. `how` is what `Setup` takes."""
    client, clock = client or FakeClient(), Clock()
    why = "--read-only" if read_only else "records of the past" if offline else ""
    fleet = Fleet("local", TARGET, why, offline=offline)
    if status is not None:
        client.snapshot(status)
    outside = Outside(lambda _: client, clock, clock.sleep, lambda: 1.0)
    app = ConsoleApp(Setup(fleets=(fleet,), current=fleet.name, **how), keymap=keymap, outside=outside)
    app.animation_level = "none"
    app.delay_update = lambda delay=0.0: None  # type: ignore[method-assign] # it waits by a clock of its own
    async with app.run_test(size=size) as pilot:
        page = Console(app, pilot, client, clock)
        await page.settle()
        clock.advance(0.5)  # what was chosen meanwhile is read now
        await page.settle()
        yield page
