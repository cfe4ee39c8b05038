"""The application: modes, keys, and showing what the session in front knows to the screen in front."""

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
"""So many ticks are one while the terminal says that nobody looks."""


class ConsoleApp(App[None]):
    """The operator console. `outside` is given by tests, which decide what time it is; `painted` is called
    when a screen that stays is drawn for the first time.

    Each fleet has screens of its own, one Textual mode a screen (`prod/tasks`), so that nothing that one
    fleet answers can be drawn under another's name.
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

    # life

    async def on_mount(self) -> None:
        first = self.setup.screen or self.preferences.screen
        await self._bring(first if first in self.MODES else "fleet")
        if self.preferences.trouble:
            self.notify(self.preferences.trouble, severity="warning", markup=False, timeout=8)
        self.app_resume_signal.subscribe(self, self._resumed)
        self.run_worker(self._ticking(), name="tick", exit_on_error=False)
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        """After the first paint: whatever the network does, the screen is there."""
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
        """Back from the shell: the terminal shows nothing of what was drawn."""
        self.refresh(layout=True)

    async def _ticking(self) -> None:
        while True:
            await self._sleep(TICK_SECS)
            self.call_next(self._tick)

    async def _tick(self) -> None:
        """Let ages and running times go on; more slowly while the terminal has lost the focus."""
        await self._keys.look()
        self._ticks += 1
        self.announcer.tick()
        if self.app_focus or self._ticks % UNSEEN_TICKS == 0:
            self._show()

    def on_app_focus(self) -> None:
        self._news()

    # news

    def write(self, sequences: str) -> None:
        """Control sequences that draw nothing, straight to the terminal."""
        if self._driver is not None:
            self._driver.write(sequences)

    def _news_of(self, session: Session) -> None:
        if self.announcer.tell(session):
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

    @property
    def session(self) -> Session:
        """The fleet in front."""
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
        """The session of the fleet on whose screens this one lies."""
        for mode, stack in self._screen_stacks.items():
            if screen in stack:
                return self.fleets.by_key(mode.rpartition("/")[0])
        return self.session

    @property
    def told_kinds(self) -> Collection[Kind]:
        """The kinds of notices that the operator wants to be told."""
        return self.announcer.wanted.kinds

    @cached_property
    def commands(self) -> Commands:
        """What a line after `:` does; made for the first one."""
        from tui.app.commands import Commands

        return Commands(self)

    async def send(self, call: Call[Answer]) -> Answer:
        """Ask the daemon. Raises `SyncropelError`, with words for the operator."""
        return await self.session.send(call)

    def crumbs(self) -> str:
        """Where we are. What is no part of what it was opened from stands right behind the first screen."""
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
        """Replay a thread from a record on, from its end when none is given."""
        self.push_screen(screens.ReplayScreen(thread, position))

    def open_output(self, thread: str, index: int) -> None:
        """What a subtask writes."""
        self.push_screen(screens.OutputScreen(thread, index))

    def compare_with(self, thread: str) -> None:
        """Pick another thread to compare this one with."""
        self.push_screen(screens.ThreadsScreen(thread))

    def yank(self, words: str) -> None:
        self.copy_to_clipboard(words)
        self.notify(f"copied {words}", timeout=3)

    # keys

    def front(self) -> ConsoleScreen | None:
        """The screen in front, when it is one of ours and no dialog lies over it."""
        return self.screen if isinstance(self.screen, ConsoleScreen) else None

    async def action_mode(self, name: str) -> None:
        mode = self._mode(name)
        while len(self.screen_stack) > 1 and self.current_mode == mode:
            self.pop_screen()
        if self.current_mode != mode:
            await self._bring(name)

    async def look_at(self, name: str) -> None:
        """Put a fleet in front, on the same screen. The one before is only watched from here on."""
        if name != self.session.fleet.name:
            self.fleets.bring(name)
            await self._bring(self.screen_name)
            self._show()

    async def take_up_contexts(self) -> None:
        """Take up contexts that were added, changed or removed while the console runs."""
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
        """Which of the screens is looked at, whatever was opened on it."""
        return self.current_mode.rpartition("/")[2]

    def _mode(self, screen: str) -> str:
        """The mode of that screen of the fleet in front."""
        return f"{self.session.key}/{screen}"

    async def _bring(self, screen: str) -> None:
        """Put that screen of the fleet in front; it is made when it is looked at first, and stays."""
        mode = self._mode(screen)
        new = mode not in self._modes
        if new:
            self.add_mode(mode, self.MODES[screen])
        await self.switch_mode(mode)
        if new:
            self.call_after_refresh(self._painted)

    async def typed(self, line: str) -> None:
        """Do what a line after `:` does; what cannot be done is told above that line."""
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
        """A key that is looked at before all others must not be taken from a line that is being typed."""
        if action in actions.AT_ONCE and (self.front() is None or isinstance(self.focused, Input)):
            return False
        return super().check_action(action, parameters)

    async def action_command(self) -> None:
        # Waited for, so that what is typed at once after `:` is not taken for keys of the screen below.
        await self.push_screen(dialogs.CommandScreen())

    async def action_contexts(self) -> None:
        await self.take_up_contexts()
        self.push_screen(dialogs.ContextsDialog())

    def action_access(self) -> None:
        """Unlock what is read-only; lock what was unlocked, at once."""
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
        """What breaks off a command elsewhere must not end a console that is in the middle of something."""
        key = self.keymap.shown(actions.QUIT)
        self.notify(f"press {key} to quit; the fleet goes on without you", timeout=4, markup=False)

    def action_open(self) -> None:
        if (front := self.front()) is not None and (table := front.focused_table()) is not None:
            table.action_open()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: all that can be done on this screen but moving about, then the themes."""
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
        """Change the colours, and remember it."""
        self.theme = self.preferences.theme = theme
        self.preferences.save()
