"""Announces news to the operator: in a corner of the screen, with the bell, on the desktop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from textual.app import App

from tui.app.ringing import Ringer, Wanted, summed, to_terminal
from tui.connection.fleets import Fleets
from tui.connection.session import Session
from tui.model.newer import Newer
from tui.model.setup import Setup

BEHIND_SECS: Final = 12.0
"""How long a notice from a fleet in the background stays on screen."""
NEWER_SECS: Final = 8.0


class Announcer:
    """Raises BadRequest, with file and line, for an invalid switch in `[console.notify]`."""

    def __init__(self, app: App[Any], setup: Setup, fleets: Fleets, clock: Callable[[], float]) -> None:
        self._app, self._fleets = app, fleets
        wanted = Wanted.read(setup.notify, setup.where)
        self._newer = Newer(setup.version)
        self._ringer = Ringer(wanted, to_terminal(app), clock)
        self.kinds = wanted.kinds
        """The kinds of notices that the operator wants to receive."""

    def tell(self, session: Session) -> bool:
        """Announce this fleet's news; return whether any of it concerns the screen in front."""
        name = session.fleet.name
        news = [one for one in session.untold() if one.kind in self.kinds]
        self._tell_if_newer(session)
        behind = self._fleets.tell(session, news)
        if behind and news:
            self._app.notify(summed(news), title=name, severity="warning", timeout=BEHIND_SECS)
        prefix = f"{name}: " if self._fleets.several else ""
        self._ringer.tell([replace(one, words=prefix + one.words) for one in news])
        return bool(news) or not behind

    def tick(self) -> None:
        """Called once a second: ring for news that came too soon after the previous ring."""
        self._ringer.tell()

    def _tell_if_newer(self, session: Session) -> None:
        status = session.world.status
        if status is not None and (told := self._newer.news(session.key, status.version)):
            self._app.notify(told, title=session.fleet.name, severity="warning", timeout=NEWER_SECS)
