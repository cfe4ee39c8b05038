"""The application: modes, keys, and showing the current session's data on the current screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widgets import Input

from syncropel.errors import SyncropelError
from tui import dialogs, screens
from tui.app import loading, themes
from tui.app.announcer import Announcer
from tui.app.keys import Keys
from tui.app.palette import Deeds, Jumps
from tui.connection.fleets import Fleets
from tui.connection.session import Outside, Session
from tui.dialogs.base import Dialog
from tui.model import actions
from tui.model.glyphs import ASCII, UNICODE
from tui.model.keymap import Keymap
from tui.model.layout import NARROW
from tui.model.setup import Setup
from tui.model.world import World
from tui.preferences import Preferences
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.ink import AsciiOnly, Colourless, WholeCells

if TYPE_CHECKING:
    from syncropel.client import Call, Target
    from syncropel.client.calls import Answer
    from tui.app.commands import Commands
    from tui.model.notices import Kind

TICK_SECS = 1.0
UNSEEN_TICKS = 5
"""While the terminal reports that it has lost the focus, only every nth tick does anything."""


class ConsoleApp(App[None]):
    """The operator console. `outside` supplies time and randomness, which tests control; `painted` is called
    when a permanent screen is drawn for the first time.

    Each fleet has its own screens, one Textual mode per screen (`prod/tasks`), so an answer from one fleet
    can never be drawn under another fleet's name.
    """

    TITLE = "Syncropel"
    MODES: ClassVar = {
        "fleet": lambda: screens.FleetScreen(),
        "tasks": lambda: screens.TasksScreen(),
        "threads": lambda: screens.ThreadsScreen(),
        "feed": lambda: screens.FeedScreen(),
        "policy": lambda: screens.PolicyScreen(),
    }
    CSS_PATH: ClassVar = sorted((Path(__file__).parents[1] / "styles").glob("*.tcss"))
    BINDINGS = bindings("app")
    COMMANDS: ClassVar = {lambda: Deeds, lambda: Jumps}
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-usual")]  # noqa: RUF012 - as Textual declares it

    def __init__(
        self,
        setup: Setup,
        *,
        keymap: Keymap | None = None,
        outside: Outside | None = None,
        painted: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self._painted = painted
        self.preferences = Preferences(setup.preferences)
        self.keymap = keymap or Keymap()
        self.set_keymap({name: ",".join(keys) for name, keys in self.keymap.changed.items()})
        for theme in themes.ALL:
            self.register_theme(theme)
        if not self.no_color and not self.native_ansi_color:
            self.theme = (
                self.preferences.theme if self.preferences.theme in themes.NAMES else themes.NIGHT.name
            )
        outside = outside or Outside()
        self.clock, self._sleep = outside.clock, outside.sleep
        self.glyphs = ASCII if setup.ascii_only else UNICODE
        ScrollBar.renderer = WholeCells if setup.ascii_only else ScrollBarRender
        if setup.ascii_only:
            self._filters.append(AsciiOnly())
        if self.no_color:
            self._filters.append(Colourless())
        self.setup = setup
        self.fleets = Fleets(
            setup, outside, self._news_of, partial(self.run_worker, name="session", exit_on_error=False)
        )
        self._keys = Keys(self._give, self.clock)
        self._showing = False
        self._ticks = 0
        self.announcer = Announcer(self, setup)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.PLAIN_HUES

    # life cycle

    async def on_mount(self) -> None:
        first = self.setup.screen or self.preferences.screen
        await self._bring(first if first in self.MODES else "fleet")
        if self.preferences.trouble:
            self.notify(self.preferences.trouble, severity="warning", markup=False, timeout=8)
        self.app_resume_signal.subscribe(self, self._resumed)
        self.run_worker(self._ticking(), name="tick", exit_on_error=False)
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        """Connect after the first paint, so the screen appears whatever the network does."""
        self.run_worker(self._connecting(), name="connect", exit_on_error=False)

    async def _connecting(self) -> None:
        await loading.client_loaded()
        self.fleets.start()
        await loading.screens_loaded()

    async def on_unmount(self) -> None:
        self.preferences.screen = self.screen_name
        self.preferences.save()
        await self.fleets.close()

    def _resumed(self, _: object) -> None:
        """Back from the shell: the terminal no longer shows anything we drew."""
        self.refresh(layout=True)

    async def _ticking(self) -> None:
        while True:
            await self._sleep(TICK_SECS)
            self.call_next(self._tick)

    async def _tick(self) -> None:
        """Advance ages and running times; less often while the terminal has lost the focus."""
        await self._keys.look()
        self._ticks += 1
        self.announcer.tick()
        if self.app_focus or self._ticks % UNSEEN_TICKS == 0:
            self._show()

    def on_app_focus(self) -> None:
        self._news()

    # news

    def write(self, sequences: str) -> None:
        """Write control sequences that draw nothing straight to the terminal."""
        if self._driver is not None:
            self._driver.write(sequences)

    def _news_of(self, session: Session) -> None:
        if self.announcer.tell(session):
            self._news()

    def _news(self) -> None:
        """Show the world soon; news items that arrive together are shown together."""
        if not self._showing:
            self._showing = True
            self.call_next(self._show)

    def _show(self) -> None:
        self._showing = False
        with self.batch_update():
            for screen in self.screen_stack:
                if isinstance(screen, ConsoleScreen | Dialog):
                    screen.show()

    # used by screens

    @property
    def session(self) -> Session:
        """The session of the fleet in front."""
        return self.fleets.front

    @property
    def target(self) -> Target:
        return self.session.target

    @property
    def world(self) -> World:
        """What is known of the daemon in front."""
        return self.session.world

    @property
    def read_only(self) -> bool:
        return self.session.read_only

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet that this screen or dialog belongs to."""
        for mode, stack in self._screen_stacks.items():
            if screen in stack:
                return self.fleets.by_key(mode.rpartition("/")[0])
        return self.session

    @property
    def told_kinds(self) -> Collection[Kind]:
        """The kinds of notices that the operator wants to receive."""
        return self.announcer.wanted.kinds

    @cached_property
    def commands(self) -> Commands:
        """The handler for lines typed after `:`, created on first use."""
        from tui.app.commands import Commands

        return Commands(self)

    async def send(self, call: Call[Answer]) -> Answer:
        """Send a request to the daemon. Raises `SyncropelError`, worded for the operator."""
        return await self.session.send(call)

    def crumbs(self) -> str:
        """The breadcrumb trail. A screen that is not about part of its opener follows the first screen
        directly.
        """
        path: list[ConsoleScreen] = []
        words: list[str] = []
        for one in self.screen_stack:
            if isinstance(one, ConsoleScreen):
                if len(path) > 1 and not one.lies_in(path[-1]):
                    del path[1:], words[1:]
                words.append(one.crumb_in(path[-1]) if path else one.crumb)
                path.append(one)
        return " › ".join(words)

    def open_replay(self, thread: str, position: int | None = None) -> None:
        """Open the replay of a thread at a record, or at its end by default."""
        self.push_screen(screens.ReplayScreen(thread, position))

    def open_output(self, thread: str, index: int) -> None:
        """Open the output of a subtask."""
        self.push_screen(screens.OutputScreen(thread, index))

    def compare_with(self, thread: str) -> None:
        """Pick another thread to compare this one with."""
        self.push_screen(screens.ThreadsScreen(thread))

    def yank(self, words: str) -> None:
        self.copy_to_clipboard(words)
        self.notify(f"copied {words}", timeout=3)

    # keys

    def front(self) -> ConsoleScreen | None:
        """The screen in front, if it is one of ours and no dialog covers it."""
        return self.screen if isinstance(self.screen, ConsoleScreen) else None

    async def action_mode(self, name: str) -> None:
        mode = self._mode(name)
        while len(self.screen_stack) > 1 and self.current_mode == mode:
            self.pop_screen()
        if self.current_mode != mode:
            await self._bring(name)

    async def look_at(self, name: str) -> None:
        """Bring a fleet to the front, on the same screen. The previous one is only monitored from now on."""
        if name != self.session.fleet.name:
            self.fleets.bring(name)
            await self._bring(self.screen_name)
            self._show()

    async def take_up_contexts(self) -> None:
        """Apply contexts that were added, changed, or removed while the console runs."""
        try:
            over = self.fleets.take_up()
        except SyncropelError as error:
            words = f"{error.message} {self.glyphs.arrow} {error.hint}"
            self.notify(words, title="contexts", severity="warning", markup=False)
            return
        await self._bring(self.screen_name)
        for session in over:
            for name in self.MODES:
                if (mode := f"{session.key}/{name}") in self._modes:
                    await self.remove_mode(mode)

    @property
    def screen_name(self) -> str:
        """The name of the base screen in front, ignoring screens opened on top of it."""
        return self.current_mode.rpartition("/")[2]

    def _mode(self, screen: str) -> str:
        """The Textual mode for a screen of the fleet in front."""
        return f"{self.session.key}/{screen}"

    async def _bring(self, screen: str) -> None:
        """Bring a screen of the fleet to the front. It is created on first use and kept."""
        mode = self._mode(screen)
        new = mode not in self._modes
        if new:
            self.add_mode(mode, self.MODES[screen])
        await self.switch_mode(mode)
        if new:
            self.call_after_refresh(self._painted)

    async def typed(self, line: str) -> None:
        """Run a line typed after `:`; if it cannot be done, say so above the line."""
        try:
            await self.commands.run(line)
        except SyncropelError as error:
            self.push_screen(dialogs.CommandScreen(line, error))

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    async def _give(self, key: events.Key) -> MessagePump:
        node = self.focused or self.screen
        await super().on_event(key)
        return node

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep keys that have priority away from a line that is being typed."""
        if action in actions.AT_ONCE and (self.front() is None or isinstance(self.focused, Input)):
            return False
        return super().check_action(action, parameters)

    async def action_command(self) -> None:
        # Awaited, so that keys typed right after `:` do not reach the screen below.
        await self.push_screen(dialogs.CommandScreen())

    async def action_contexts(self) -> None:
        await self.take_up_contexts()
        self.push_screen(dialogs.ContextsDialog())

    def action_access(self) -> None:
        """Unlock a read-only fleet, or lock an unlocked one at once."""
        if self.session.read_only:
            self.push_screen(dialogs.UnlockDialog())
        else:
            self.session.lock()
            self.notify(f"{self.session.fleet.name} is read-only now", timeout=4, markup=False)

    def action_reconnect(self) -> None:
        self.session.reconnect()

    def action_help(self) -> None:
        if (front := self.front()) is not None:
            self.push_screen(screens.HelpScreen(front))

    def action_help_quit(self) -> None:
        """A key that aborts a command elsewhere must not end a console in the middle of something."""
        key = self.keymap.shown(actions.QUIT)
        self.notify(f"press {key} to quit; the fleet keeps running", timeout=4, markup=False)

    def action_open(self) -> None:
        if (front := self.front()) is not None and (table := front.focused_table()) is not None:
            table.action_open()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: everything this screen can do except cursor movement, then the themes."""
        if isinstance(screen, ConsoleScreen):
            for one in screen.actions():
                if one not in actions.MOVES and one.id != "command_palette":
                    title = one.description[:1].upper() + one.description[1:]
                    keys = f"key {self.keymap.shown(one)}"
                    yield SystemCommand(title, f"{keys} · {one.cli}" if one.cli else keys, self._doing(one))
        if not self.no_color:
            for theme in themes.ALL:
                yield SystemCommand(f"Theme {theme.name}", "change the colours", self._wearing(theme.name))

    def _doing(self, action: actions.Action) -> Callable[[], Awaitable[bool]]:
        return lambda: self.run_action(action.target)

    def _wearing(self, theme: str) -> Callable[[], None]:
        return lambda: self.wear(theme)

    def wear(self, theme: str) -> None:
        """Switch to a theme and remember it."""
        self.theme = self.preferences.theme = theme
        self.preferences.save()
