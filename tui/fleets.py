"""The sessions of all fleets. One of them is in front, and only that one is followed."""

from __future__ import annotations

from collections.abc import Callable

from tui.session import Outside, Session
from tui.setup import Fleet, Setup


class Fleets:
    """Makes a session when its fleet is first looked at, and keeps it: what was known of it stays."""

    def __init__(self, setup: Setup, outside: Outside, on_news: Callable[[Session], None]) -> None:
        self.all = setup.fleets
        self._outside, self._on_news = outside, on_news
        self._sessions: dict[str, Session] = {}
        self.front = self.session(setup.current)

    @property
    def several(self) -> bool:
        """Whether a name is needed to tell which one is meant."""
        return len(self.all) > 1

    def find(self, name: str) -> Fleet | None:
        return next((one for one in self.all if one.name == name), None)

    def session(self, name: str) -> Session:
        """The session of a fleet that there is."""
        if name not in self._sessions:
            fleet = self.find(name)
            assert fleet is not None, name
            self._sessions[name] = Session(fleet, self._outside, self._on_news)
        return self._sessions[name]

    def seen(self, name: str) -> Session | None:
        """Its session, if it was looked at already."""
        return self._sessions.get(name)

    def bring(self, name: str) -> Session:
        """Put a fleet in front."""
        self.front = self.session(name)
        return self.front

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
