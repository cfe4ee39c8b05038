"""The console itself: what it knows, who tells it, which screen shows it.

Everything from outside (client, clock, sleep, random) is passed in, so that a test can be all of them.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from syncropel.api.schema import FleetStatus, JoinStatus, TaskSummary
from syncropel.client import AsyncClient, Target
from syncropel.errors import SyncropelError
from tui.actions import ACTIONS
from tui.connection import Connection, Watches
from tui.model.cells import Cell, Line
from tui.model.glyphs import ASCII, UNICODE
from tui.model.state import State
from tui.screens.base import ConsoleScreen
from tui.screens.fleet import FleetScreen
from tui.screens.help import HelpScreen
from tui.screens.tasks import TasksScreen
from tui.task_feed import Sends, TaskFeed
from tui.themes import DEFAULTS, THEMES

STYLES: Final = Path(__file__).parent / "styles"
TICK_SECS: Final = 1.0
BLURRED_TICKS: Final = 5  # without the terminal's focus, ages are drawn every fifth second
WORDS_TICKS: Final = 4  # how long a word of answer stands in the footer


class ConsoleClient(Watches, Sends, Protocol):
    """What the console needs of a client."""

    async def close(self) -> None: ...


class ConsoleApp(App[int]):
    """Two loops feed one `State`; the screen in front shows it."""

    class StateChanged(Message):
        """There is a new state to show."""

    TITLE = "syncropel"
    CSS_PATH: ClassVar = sorted(STYLES.glob("*.tcss"))
    MODES: ClassVar = {"fleet": FleetScreen, "tasks": TasksScreen}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), action.run, action.description, show=False)
        for action in ACTIONS
        if action.where == "everywhere" and action.id != "palette"
    ]
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        client: ConsoleClient,
        *,
        where: str = "",
        screen: str = "fleet",
        read_only: bool = False,
        ascii_only: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        tick_secs: float | None = TICK_SECS,
        cursor_blink: bool = True,
    ) -> None:
        """`tick_secs` None: time passes only when `tick` is called."""
        super().__init__()
        self.client, self.where, self.read_only, self.clock = client, where, read_only, clock
        self.glyphs = ASCII if ascii_only else UNICODE
        self.cursor_blink = cursor_blink
        self.state = State()
        self.words: Line = ()
        self._first, self._tick_secs = screen, tick_secs
        self._ticks = self._words_until = 0
        self._change_posted = False
        self._feed = TaskFeed(
            client, sleep=sleep, on_tasks=self._got_tasks, on_join=self._got_join, on_error=self._tasks_failed
        )
        self.connection = Connection(
            client,
            clock=clock,
            sleep=sleep,
            random=chance,
            on_snapshot=self._got_snapshot,
            on_link=self._link_moved,
        )
        for theme in THEMES:
            self.register_theme(theme)
        # Under NO_COLOR, or when TEXTUAL_THEME asks for another, that choice stands.
        if not self.no_color and "TEXTUAL_THEME" not in os.environ:
            self.theme = THEMES[0].name

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(DEFAULTS)

    def now(self) -> float:
        """The daemon's clock, as far as it can be told from here (unix seconds)."""
        return self.state.fleet.clock.now(self.clock())

    def on_mount(self) -> None:
        self.animation_level = "none"
        self.switch_mode(self._first)
        if self._tick_secs is not None:
            self.set_interval(self._tick_secs, self.tick)
        self.call_after_refresh(self._connect)  # paint first

    def _connect(self) -> None:
        self.run_worker(self.connection.run(), group="connection", exit_on_error=False)
        self.run_worker(self._feed.run(), group="tasks", exit_on_error=False)

    async def on_unmount(self) -> None:
        await self.client.close()

    # What the loops tell

    def _got_snapshot(self, status: FleetStatus, received_at: float) -> None:
        self._feed.revise(status.tasks_revision)
        self._change(fleet=self.state.fleet.apply(status, received_at))

    def _link_moved(self) -> None:
        link = self.connection.link()
        if link.live and not self.state.link.live:
            self._feed.restart()
        self._change(link=link)

    def _got_tasks(self, tasks: tuple[TaskSummary, ...]) -> None:
        self._change(tasks=tasks)

    def _got_join(self, thread: str, join: JoinStatus | None) -> None:
        self._change(join_of=thread, join=join)

    def _tasks_failed(self, error: SyncropelError | None) -> None:
        # While there is no connection the header says so; the same words twice would only hide the tasks.
        words = error.message if error is not None and self.state.link.live else ""
        if words != self.state.tasks_error:
            self._change(tasks_error=words)

    def _change(self, **parts: Any) -> None:
        self.state = replace(self.state, **parts)
        if not self._change_posted:
            self._change_posted = True
            self.post_message(self.StateChanged())

    # What is shown

    def _console_screen(self) -> ConsoleScreen | None:
        """The console's screen in front, also when a dialog is over it."""
        found = [screen for screen in self.screen_stack if isinstance(screen, ConsoleScreen)]
        return found[-1] if found else None

    def on_console_app_state_changed(self) -> None:
        self._change_posted = False
        self.state = replace(self.state, link=self.connection.link())
        if (screen := self._console_screen()) is not None:
            with self.batch_update():
                screen.apply(self.state)

    def tick(self) -> None:
        """A second passed: ages and durations run, silence becomes STALE."""
        self._ticks += 1
        link, before = self.connection.link(), self.state.link
        if self.words and self._ticks >= self._words_until:
            self.words = ()
        if link.phase is not before.phase:
            self._link_moved()
            return
        if link.live and not self.app_focus and self._ticks % BLURRED_TICKS:
            return
        self.state = replace(self.state, link=link)
        if (screen := self._console_screen()) is not None:
            with self.batch_update():
                screen.tick(self.state)

    def say(self, words: str) -> None:
        """Answer a key, in the footer, for a few seconds."""
        self.words = (Cell(f" {words}", "head"),)
        self._words_until = self._ticks + WORDS_TICKS
        if (screen := self._console_screen()) is not None:
            screen.show_footer()

    # What keys do

    def choose_task(self, thread: str) -> None:
        self._feed.choose(thread)

    async def open_task(self, thread: str) -> None:
        """Show a task on the tasks screen."""
        await self.switch_mode("tasks")
        screen = self._console_screen()
        assert isinstance(screen, TasksScreen)
        screen.open(thread)

    def action_show_screen(self, name: str) -> None:
        self.switch_mode(name)

    def action_reconnect(self) -> None:
        self.connection.reconnect()
        self.say("reconnecting")

    def action_help(self) -> None:
        if (screen := self._console_screen()) is not None and screen is self.screen:
            self.push_screen(HelpScreen(screen.NAME, self.glyphs))

    def action_colours(self) -> None:
        if self.no_color:
            self.say("NO_COLOR is set")
            return
        names = [theme.name for theme in THEMES]
        place = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(place + 1) % len(names)]
        self.say(f"colours: {self.theme}")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette knows the action table, and nothing that is not in it."""
        for action in ACTIONS:
            if action.where == "everywhere" and action.id != "palette":
                yield SystemCommand(action.id, action.description, _runner(self, action.run))


def _runner(app: ConsoleApp, action: str) -> Callable[[], Awaitable[bool]]:
    async def run_action() -> bool:
        return await app.run_action(action)

    return run_action


def run(target: Target, *, screen: str = "fleet", read_only: bool = False, ascii_only: bool = False) -> int:
    """Open the console on a daemon; gives the exit status."""
    app = ConsoleApp(
        AsyncClient(target), where=target.name, screen=screen, read_only=read_only, ascii_only=ascii_only
    )
    app.run()
    return app.return_code or 0
