"""`!`: goes from one thing that needs the operator to the next, whatever screen it is on."""

from __future__ import annotations

from typing import Any, Final

from textual.app import App

from tui import dialogs
from tui.app.fleet_screens import FleetScreens
from tui.connection.fleets import Fleets
from tui.model import attention
from tui.model.attention import Need
from tui.model.glyphs import Glyphs
from tui.model.keymap import Keymap

_TITLE: Final = "Needs you"
_TOLD_SECS: Final = 8.0


class Attention:
    """Remembers, of each fleet, where it went last."""

    def __init__(
        self, app: App[Any], fleets: Fleets, fleet_screens: FleetScreens, keymap: Keymap, glyphs: Glyphs
    ) -> None:
        self._app, self._fleets, self._screens = app, fleets, fleet_screens
        self._keymap, self._glyphs = keymap, glyphs
        self._last: dict[str, str] = {}

    async def next(self, now: float) -> None:
        """Go to the next one, the most urgent first; say so when there is none, or that is not known."""
        session = self._fleets.front
        found = attention.needs(session.world)
        if not found:
            why = attention.unknown(session.world, now)
            self._say(f"not known what needs you: {why}" if why else "nothing needs you", warns=bool(why))
            return
        await self.go(found[attention.after(found, self._last.get(session.key, ""))], now)

    async def go(self, need: Need, now: float) -> None:
        """Go to this one, and say what it is and which keys help."""
        session = self._fleets.front
        self._last[session.key] = need.key
        await self._screens.clear(need.screen)
        if (screen := self._screens.front()) is not None:
            screen.seek(need.table, need.row)
        found = [one.key for one in attention.needs(session.world)]
        place = f"{found.index(need.key) + 1} of {len(found)} · " if need.key in found else "it is over: "
        unknown = attention.unknown(session.world, now)
        told = [f"{place}{need.words()}", need.helps(self._keymap), *([unknown] if unknown else [])]
        self._say("\n".join(told), warns=bool(unknown))

    async def list(self) -> None:
        """Show all of them in a list."""
        last = self._last.get(self._fleets.front.key, "")
        await self._app.push_screen(dialogs.NeedsDialog(self.go, last))

    def _say(self, words: str, *, warns: bool) -> None:
        self._app.clear_notifications()  # otherwise those of the places before would pile up
        self._app.notify(
            self._glyphs.text(words), title=_TITLE, severity="warning" if warns else "information",
            timeout=_TOLD_SECS,
        )  # fmt: skip
