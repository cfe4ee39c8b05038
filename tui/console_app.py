"""The application: holds the world, keeps the connection, and shows both to the screen in front."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar, Protocol

from textual.app import App, SystemCommand
from textual.screen import Screen

from syncropel.api.schema import FleetStatus
from syncropel.client import AsyncClient, Call, Event, Target, calls
from syncropel.client.calls import Answer
from syncropel.errors import RemoteError, SyncropelError
from tui import actions, themes
from tui.connection import Connection
from tui.dialogs.base import Dialog
from tui.model.glyphs import ASCII, UNICODE
from tui.model.link import Link
from tui.model.world import World
from tui.refetch import Refetcher
from tui.screens.base import ConsoleScreen
from tui.screens.fleet import FleetScreen
from tui.screens.help import HelpScreen
from tui.screens.tasks import TasksScreen
from tui.widgets.bindings import bindings

TICK_SECS = 1.0
UNSEEN_TICKS = 5
"""So many ticks are one while the terminal says that nobody looks."""
_CONFLICT = 409  # the daemon's answer for the join of a task that is not fanned out


class Client(Protocol):
    """What the console needs of a client."""

    def watch(self, path: str, last_id: str = "") -> AbstractAsyncContextManager[AsyncIterator[Event]]: ...

    async def send(self, call: Call[Answer]) -> Answer: ...

    async def close(self) -> None: ...


class ConsoleApp(App[None]):
    """The operator console. Clock, sleep and client can be given, so that tests decide what time it is."""

    TITLE = "Syncropel"
    MODES: ClassVar = {"fleet": FleetScreen, "tasks": TasksScreen}
    CSS_PATH: ClassVar = sorted((Path(__file__).parent / "styles").glob("*.tcss"))
    BINDINGS = bindings("app")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        target: Target,
        *,
        screen: str = "fleet",
        read_only: bool = False,
        ascii_only: bool = False,
        client: Callable[[Target], Client] = AsyncClient,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        super().__init__()
        for theme in themes.ALL:
            self.register_theme(theme)
        if not self.no_color and not self.native_ansi_color:
            self.theme = themes.NIGHT.name
        self.target, self.read_only, self.clock = target, read_only, clock
        self.glyphs = ASCII if ascii_only else UNICODE
        self.world = World()
        self._first, self._showing, self._revision = screen, False, -1
        self._tasks_due = False
        self._ticks = 0
        self._sleep = sleep
        self._client = client(target)
        extra = {} if jitter is None else {"jitter": jitter}
        self.connection = Connection(
            self._client, self._heard, self._linked, clock=clock, sleep=sleep, **extra
        )
        self._refetcher = Refetcher(self._read, self._unread, sleep=sleep)

    # life

    async def on_mount(self) -> None:
        await self.switch_mode(self._first)
        self.run_worker(self._ticking(), name="tick", exit_on_error=False)
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        """After the first paint: whatever the network does, the screen is there."""
        self.run_worker(self.connection.run(), name="stream", exit_on_error=False)
        self.run_worker(self._refetcher.run(), name="refetch", exit_on_error=False)

    async def on_unmount(self) -> None:
        await self._client.close()

    async def _ticking(self) -> None:
        while True:
            await self._sleep(TICK_SECS)
            self.call_next(self._tick)

    def _tick(self) -> None:
        """Let ages and running times go on; more slowly while the terminal has lost the focus."""
        self._ticks += 1
        if self.app_focus or self._ticks % UNSEEN_TICKS == 0:
            self._show()

    def on_app_focus(self) -> None:
        self._news()

    # news

    def _heard(self, status: FleetStatus) -> None:
        again = not self.world.link.is_live
        self.world = self.world.heard(status, self.clock())
        if again or status.tasks_revision != self._revision:
            self._revision, self._tasks_due = status.tasks_revision, True
            self._refetcher.ask()
        self._news()

    def _linked(self, link: Link) -> None:
        self.world = self.world.linked(link)
        self._news()

    async def _read(self) -> None:
        """Read the tasks when they changed, and the join of the chosen one."""
        if self._tasks_due:
            self._tasks_due = False
            try:
                page = await self.send(calls.tasks())
            except SyncropelError:
                self._tasks_due = True
                raise
            self.world = self.world.listed(page.data)
            self._news()
        chosen = self.world.chosen
        if chosen is None or not self.world.has_fan_out(chosen):
            return
        try:
            self.world = self.world.joined(await self.send(calls.join(chosen)))
        except RemoteError as error:
            if error.status != _CONFLICT:
                raise
            self.world = self.world.joined(None)
        self._news()

    def _unread(self, error: SyncropelError) -> None:
        hint = f" → {error.hint}" if error.hint else ""
        self.world = self.world.failed(f"tasks could not be read: {error.message}{hint}")
        self._news()

    def _news(self) -> None:
        """Show the world soon; news that come together are shown together."""
        if not self._showing:
            self._showing = True
            self.call_next(self._show)

    def _show(self) -> None:
        self._showing = False
        with self.batch_update():
            for screen in self.screen_stack:
                if isinstance(screen, ConsoleScreen | Dialog):
                    screen.show()

    # for screens

    async def send(self, call: Call[Answer]) -> Answer:
        """Ask the daemon. Raises `SyncropelError`, with words for the operator."""
        return await self._client.send(call)

    def follow(self, thread: str | None) -> None:
        """The screen in front shows this task: keep its join fresh."""
        if thread is not None and thread != self.world.chosen:
            self.world = self.world.choose(thread)
            self._refetcher.ask()
            self._news()

    def crumbs(self) -> str:
        return " › ".join(one.crumb for one in self.screen_stack if isinstance(one, ConsoleScreen))

    def yank(self, words: str) -> None:
        self.copy_to_clipboard(words)
        self.notify(f"copied {words}", timeout=3)

    # keys

    def _front(self) -> ConsoleScreen | None:
        return self.screen if isinstance(self.screen, ConsoleScreen) else None

    async def action_mode(self, mode: str) -> None:
        while len(self.screen_stack) > 1 and self.current_mode == mode:
            self.pop_screen()
        if self.current_mode != mode:
            await self.switch_mode(mode)

    def action_reconnect(self) -> None:
        self._tasks_due = True
        self._refetcher.ask()
        self.connection.reconnect()

    def action_help(self) -> None:
        if (front := self._front()) is not None:
            self.push_screen(HelpScreen(front))

    def action_open(self) -> None:
        if (front := self._front()) is not None and (table := front.focused_table()) is not None:
            table.action_open()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: this screen's actions, then the themes."""
        if isinstance(screen, ConsoleScreen):
            for one in screen.actions():
                if one.footer:
                    yield SystemCommand(
                        one.description.capitalize(), f"key {one.shown_keys()}", self._doing(one)
                    )
        if not self.no_color:
            for theme in themes.ALL:
                yield SystemCommand(f"Theme {theme.name}", "change the colours", self._wearing(theme.name))

    def _doing(self, action: actions.Action) -> Callable[[], Awaitable[bool]]:
        return lambda: self.run_action(action.target)

    def _wearing(self, theme: str) -> Callable[[], None]:
        return lambda: setattr(self, "theme", theme)
