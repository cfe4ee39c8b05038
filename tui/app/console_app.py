"""The application: keys, actions, and what screens may ask of it, assembled from the parts beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
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
from tui.app import breadcrumbs, loading, themes
from tui.app.announcer import Announcer
from tui.app.fleet_screens import FleetScreens
from tui.app.keys import Keys
from tui.app.painting import Painter
from tui.app.palette import Jumps, ScreenActions, system_commands
from tui.connection.fleets import Fleets
from tui.connection.session import Outside, Session
from tui.model import actions
from tui.model.glyphs import ASCII, UNICODE
from tui.model.keymap import Keymap
from tui.model.layout import NARROW
from tui.model.setup import BASE_SCREENS, Setup
from tui.preferences import Preferences
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.ink import AsciiOnly, Colourless, WholeCells

if TYPE_CHECKING:
    from tui.app.commands import Commands
    from tui.model.notices import Kind

TICK_SECS = 1.0


def _made(name: str) -> ConsoleScreen:
    """A base screen; its class is imported when it is first wanted."""
    made: ConsoleScreen = getattr(screens, f"{name.title()}Screen")()
    return made


class ConsoleApp(App[None]):
    """The operator console. `outside` supplies time and randomness, which tests control; `painted` is called
    when a permanent screen is drawn for the first time.
    """

    TITLE = "Syncropel"
    MODES: ClassVar = {name: partial(_made, name) for name in BASE_SCREENS}
    CSS_PATH: ClassVar = sorted((Path(__file__).parents[1] / "styles").glob("*.tcss"))
    BINDINGS = bindings("app")
    COMMANDS: ClassVar = {lambda: ScreenActions, lambda: Jumps}
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
        self._screens = FleetScreens(self, self.fleets, self.MODES, painted)
        self._painter = Painter(self)
        self._keys = Keys(self._give, self.clock)
        self.announcer = Announcer(self, setup)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.PLAIN_HUES

    # life cycle

    async def on_mount(self) -> None:
        first = self.setup.screen or self.preferences.screen
        await self._screens.bring(first if first in self.MODES else "fleet")
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
        await self._keys.look()
        self.announcer.tick()
        self._painter.tick()

    def on_app_focus(self) -> None:
        self._painter.soon()

    # news

    def write(self, sequences: str) -> None:
        """Write control sequences that draw nothing straight to the terminal."""
        if self._driver is not None:
            self._driver.write(sequences)

    def _news_of(self, session: Session) -> None:
        if self.announcer.tell(session):
            self._painter.soon()

    # used by screens

    @property
    def session(self) -> Session:
        """The session of the fleet in front."""
        return self.fleets.front

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet that this screen or dialog belongs to."""
        return self._screens.session_of(screen)

    @property
    def screen_name(self) -> str:
        """The name of the base screen in front, ignoring screens opened on top of it."""
        return self._screens.name

    @property
    def told_kinds(self) -> Collection[Kind]:
        """The kinds of notices that the operator wants to receive."""
        return self.announcer.wanted.kinds

    @cached_property
    def commands(self) -> Commands:
        """The handler for lines typed after `:`, created on first use."""
        from tui.app.commands import Commands

        return Commands(self)

    def crumbs(self) -> str:
        """The breadcrumb trail: the titles of the stacked screens."""
        return breadcrumbs.trail(self.screen_stack)

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
        await self._screens.uncover(name)

    async def look_at(self, name: str) -> None:
        """Bring a fleet to the front, on the same screen. The previous one is only monitored from now on."""
        if name != self.session.fleet.name:
            self.fleets.bring(name)
            await self._screens.bring(self.screen_name)
            self._painter.show()

    async def take_up_contexts(self) -> None:
        """Apply contexts that were added, changed, or removed while the console runs."""
        try:
            over = self.fleets.take_up()
        except SyncropelError as error:
            words = f"{error.message} {self.glyphs.arrow} {error.hint}"
            self.notify(words, title="contexts", severity="warning", markup=False)
            return
        await self._screens.bring(self.screen_name)
        await self._screens.remove(over)

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
        return system_commands(self, screen)

    def wear(self, theme: str) -> None:
        """Switch to a theme and remember it."""
        self.theme = self.preferences.theme = theme
        self.preferences.save()
