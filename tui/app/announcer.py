"""Announces news to the operator: in a corner of the screen, with the bell, on the desktop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tui.app.ringing import Ringer, Wanted, summed
from tui.model.newer import Newer

if TYPE_CHECKING:
    from tui.app.console_app import ConsoleApp
    from tui.connection.session import Session
    from tui.model.setup import Setup

BEHIND_SECS: Final = 12.0
"""How long a notice from a fleet in the background stays on screen."""
NEWER_SECS: Final = 8.0


class Announcer:
    """Raises BadRequest, with file and line, for an invalid switch in `[console.notify]`."""

    def __init__(self, console: ConsoleApp, setup: Setup) -> None:
        self._console = console
        self.wanted = Wanted.read(setup.notify, setup.where)
        self._newer = Newer(setup.version)
        self._ringer = Ringer(self.wanted, console.write, console.clock)

    def tell(self, session: Session) -> bool:
        """Announce this fleet's news; return whether any of it concerns the screen in front."""
        console, name = self._console, session.fleet.name
        news = [one for one in session.untold() if one.kind in self.wanted.kinds]
        self._tell_if_newer(session)
        behind = console.fleets.tell(session, news)
        if behind and news:
            console.notify(summed(news), title=name, severity="warning", timeout=BEHIND_SECS, markup=False)
        prefix = f"{name}: " if console.fleets.several else ""
        self._ringer.tell([replace(one, words=prefix + one.words) for one in news])
        return bool(news) or not behind

    def tick(self) -> None:
        """Called once a second: ring for news that came too soon after the previous ring."""
        self._ringer.tell()

    def _tell_if_newer(self, session: Session) -> None:
        status = session.world.status
        if status is not None and (told := self._newer.news(session.key, status.version)):
            self._console.notify(
                told, title=session.fleet.name, severity="warning", markup=False, timeout=NEWER_SECS
            )
