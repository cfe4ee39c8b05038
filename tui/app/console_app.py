"""The application: the parts of a console, put together, and the keys that act on all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.message_pump import MessagePump
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input

from syncropel.errors import SyncropelError
from tui import dialogs, screens
from tui.app import loading, themes
from tui.app.announcer import Announcer
from tui.app.appearance import Appearance
from tui.app.attention import Attention
from tui.app.fleet_screens import FleetScreens
from tui.app.keys import Keys
from tui.app.painting import Painter
from tui.app.palette import Jumps, ScreenActions, system_commands
from tui.app.places import Places
from tui.app.ticking import Ticker
from tui.connection.fleets import Fleets
from tui.connection.session import Outside, Session
from tui.model import actions
from tui.model.keymap import Keymap
from tui.model.layout import NARROW
from tui.model.places import Place
from tui.model.setup import BASE_SCREENS, Setup
from tui.model.typed import Typed
from tui.preferences import Preferences
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings

if TYPE_CHECKING:
    from tui.app.commands import Commands


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
        outside = outside or Outside()
        self.setup = setup
        self.clock, self._sleep = outside.clock, outside.sleep
        self.keymap = keymap or Keymap()
        self.set_keymap({name: ",".join(keys) for name, keys in self.keymap.changed.items()})
        self.preferences = Preferences(setup.preferences)
        self.appearance = Appearance(self, self.preferences, ascii_only=setup.ascii_only)
        self.glyphs = self.appearance.glyphs
        self.fleets = Fleets(
            setup, outside, self._hear, partial(self.run_worker, name="session", exit_on_error=False)
        )
        self._painter = Painter(self)
        self.fleet_screens = FleetScreens(self, self.fleets, self._painter, self.glyphs, self.MODES, painted)
        self.announcer = Announcer(self, setup, self.fleets, self.clock)
        self._places = Places(self, self.fleets, self.fleet_screens)
        self._attention = Attention(self, self.fleets, self.fleet_screens, self.keymap, self.glyphs)
        self._keys = Keys(self._give, self.clock)
        self.ticker = Ticker(self._keys, self.announcer, self._painter)

    @cached_property
    def commands(self) -> Commands:
        """The handler for lines typed after `:`, created on first use."""
        from tui.app.commands import Commands

        return Commands(
            self,
            self.fleets,
            self.fleet_screens,
            self.appearance,
            list(self.MODES),
            self.setup.grammar,
            self.clock,
            self.preferences,
            self._places.go,
        )

    # life cycle

    async def on_mount(self) -> None:
        first = self.setup.screen or self.preferences.screen
        await self.fleet_screens.bring(first if first in self.MODES else "fleet")
        if self.preferences.trouble:
            self.notify(self.preferences.trouble, severity="warning", timeout=8)
        # Back from the shell, the terminal no longer shows anything that was drawn.
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))
        ticking = self.ticker.run(self._sleep, self.call_next)
        self.run_worker(ticking, name="tick", exit_on_error=False)
        # After the first paint, so that the screen appears whatever the network does.
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        self.run_worker(loading.connect(self.fleets), name="connect", exit_on_error=False)

    async def on_unmount(self) -> None:
        self.preferences.screen = self.fleet_screens.name
        self.preferences.save()
        await self.fleets.close()

    def _hear(self, session: Session) -> None:
        if self.announcer.tell(session):
            self._painter.soon()

    def on_app_focus(self) -> None:
        self._painter.soon()

    # what Textual asks

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.PLAIN_HUES

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        return system_commands(screen, self.keymap, self.appearance)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._keys.take(event)
        else:
            await super().on_event(event)

    @property
    def rested(self) -> Typed:
        """The last key that was typed after a pause, up to the one that is being handled."""
        return self._keys.rested

    async def _give(self, key: events.Key) -> MessagePump:
        node = self.focused or self.screen
        await super().on_event(key)
        return node

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keep keys that have priority away from a line that is being typed."""
        covered = self.fleet_screens.front() is None
        if action in actions.AT_ONCE and (covered or isinstance(self.focused, Input)):
            return False
        return super().check_action(action, parameters)

    # keys

    async def action_mode(self, name: str) -> None:
        self.note_place()
        await self.fleet_screens.uncover(name)

    async def action_command(self) -> None:
        # Awaited, so that keys typed right after `:` do not reach the screen below.
        await self.push_screen(dialogs.CommandScreen())

    async def typed(self, line: str) -> None:
        """Run a line typed after `:`; if it cannot be done, say so above the line."""
        try:
            await self.commands.run(line)
        except SyncropelError as error:
            self.push_screen(dialogs.CommandScreen(line, error))

    async def action_attention(self) -> None:
        await self._attention.next(self.clock())

    def note_place(self) -> None:
        self._places.note()

    async def go(self, place: Place) -> None:
        await self._places.go(place)

    async def action_history(self, by: int) -> None:
        await self._places.move(by)

    async def action_places(self) -> None:
        front = self.fleet_screens.front()
        here = front.place(self.fleet_screens.name) if front is not None else None
        await self.push_screen(dialogs.PlacesDialog(here, self._places.go))

    async def action_needs(self) -> None:
        await self._attention.list()

    async def action_contexts(self) -> None:
        await self.fleet_screens.take_up_contexts()
        self.push_screen(dialogs.ContextsDialog())

    def action_access(self) -> None:
        """Unlock a read-only fleet, or lock an unlocked one at once."""
        session = self.fleets.front
        if session.read_only:
            self.push_screen(dialogs.UnlockDialog())
        else:
            session.lock()
            self.notify(f"{session.fleet.name} is read-only now", timeout=4)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show words in a corner as they are, whoever asks: foreign text that were read as Textual's markup
        would lose its brackets, or end the console. `markup` is ignored: screens pass it on by default.
        """
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=False)

    def action_reconnect(self) -> None:
        self.fleets.front.reconnect()
        if (front := self.fleet_screens.front()) is not None:
            front.read_again()

    def action_help(self) -> None:
        if (front := self.fleet_screens.front()) is not None:
            self.push_screen(screens.HelpScreen(front))

    def action_help_quit(self) -> None:
        """A key that aborts a command elsewhere must not end a console in the middle of something."""
        key = self.keymap.shown(actions.QUIT)
        self.notify(f"press {key} to quit; the fleet keeps running", timeout=4)

    def action_open(self) -> None:
        front = self.fleet_screens.front()
        if front is not None and (table := front.focused_table()) is not None:
            table.action_open()
