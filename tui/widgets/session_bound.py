"""Screens and dialogs that belong to one session, fixed when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from tui.connection.session import Session
from tui.model.world import World
from tui.widgets.toned import Tinted

if TYPE_CHECKING:
    from tui.widgets.console import Console


class SessionBound(Tinted):
    """A screen of one session. What it shows, and whom it asks, stay the same when another fleet
    is in front."""

    _session: Session | None = None
    _was_live: bool | None = None

    def __init__(self) -> None:
        super().__init__()
        # Its style rules are up to date. Textual does not know that: it would parse all of them again, twice,
        # when a screen opens in a mode of its own.
        self._css_update_count = self.app._css_update_count

    @property
    def console(self) -> Console:
        return cast("Console", self.app)

    @property
    def session(self) -> Session:
        """The session that was in front when this was opened: ask with `self.session.send(call)`."""
        if self._session is None:
            self._session = self.console.fleet_screens.session_of(self)
        return self._session

    def yank(self, words: str) -> None:
        """Copy to the terminal's clipboard, and say so."""
        self.app.copy_to_clipboard(words)
        self.notify(f"copied {words}", timeout=3)

    def came_back(self) -> bool:
        """Whether the daemon has come back since the last call: then what failed can be retried now."""
        was, self._was_live = self._was_live, self.world.link.is_live
        return was is False and self._was_live

    @property
    def world(self) -> World:
        """What is known of that session's daemon."""
        return self.session.world
