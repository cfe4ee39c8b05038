"""The base screens of every fleet: one Textual mode per screen of a fleet (`prod/tasks`).

So an answer from one fleet can never be drawn under another fleet's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual.app import App
from textual.screen import Screen

from syncropel.errors import SyncropelError
from tui.app.painting import Painter
from tui.connection.fleets import Fleets
from tui.connection.session import Session
from tui.model.glyphs import Glyphs
from tui.screens.base import ConsoleScreen


class FleetScreens:
    """Brings fleets and their screens to the front. `makers` create screens by name; `painted` is called when
    one is drawn for the first time.
    """

    def __init__(
        self,
        app: App[None],
        fleets: Fleets,
        painter: Painter,
        glyphs: Glyphs,
        makers: Mapping[str, str | Callable[[], Screen[Any]]],
        painted: Callable[[], None],
    ) -> None:
        self._app, self._fleets, self._painter, self._glyphs = app, fleets, painter, glyphs
        self._makers, self._painted = makers, painted

    @property
    def name(self) -> str:
        """The name of the base screen in front, ignoring screens opened on top of it."""
        return self._app.current_mode.rpartition("/")[2]

    def front(self) -> ConsoleScreen | None:
        """The screen in front, if it is one of ours and no dialog covers it."""
        return self._app.screen if isinstance(self._app.screen, ConsoleScreen) else None

    def session_of(self, screen: Screen[Any]) -> Session:
        """The session of the fleet that this screen or dialog belongs to."""
        for mode, stack in self._app._screen_stacks.items():
            if screen in stack:
                return self._fleets.by_key(mode.rpartition("/")[0])
        return self._fleets.front

    async def bring(self, name: str) -> None:
        """Bring a screen of the fleet in front to the front. It is created on first use and kept."""
        mode = self._mode(name)
        new = mode not in self._app._modes
        if new:
            self._app.add_mode(mode, self._makers[name])
        await self._app.switch_mode(mode)
        if new:
            self._app.call_after_refresh(self._painted)

    async def uncover(self, name: str) -> None:
        """Bring a screen to the front, and close what was opened on top of it if it is there already."""
        mode = self._mode(name)
        while len(self._app.screen_stack) > 1 and self._app.current_mode == mode:
            self._app.pop_screen()
        if self._app.current_mode != mode:
            await self.bring(name)

    async def clear(self, name: str) -> None:
        """Bring a screen to the front, without anything that was opened on top of it."""
        await self.uncover(name)
        await self.uncover(name)

    async def look_at(self, name: str) -> None:
        """Bring a fleet to the front, on the same screen. The previous one is only monitored from now on."""
        if name != self._fleets.front.fleet.name:
            self._fleets.bring(name)
            await self.bring(self.name)
            self._painter.show()

    async def take_up_contexts(self) -> None:
        """Apply contexts that were added, changed, or removed while the console runs."""
        try:
            over = self._fleets.take_up()
        except SyncropelError as error:
            words = f"{error.message} {self._glyphs.arrow} {error.hint}"
            self._app.notify(words, title="contexts", severity="warning")
            return
        await self.bring(self.name)
        await self._remove(over)

    async def _remove(self, sessions: Iterable[Session]) -> None:
        """Remove the screens of sessions that are over."""
        for session in sessions:
            for name in self._makers:
                if (mode := f"{session.key}/{name}") in self._app._modes:
                    await self._app.remove_mode(mode)

    def _mode(self, name: str) -> str:
        """The Textual mode for a screen of the fleet in front."""
        return f"{self._fleets.front.key}/{name}"
