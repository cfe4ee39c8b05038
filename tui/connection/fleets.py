"""The sessions of all fleets. One is in front; the others are only monitored, by one stream each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from tui.connection.session import Outside, Session
from tui.model.notices import Notice
from tui.model.setup import Fleet, Setup

GAP_SECS: Final = 0.1
"""Delay between opening two streams: creating a client takes up to 30 ms."""


class Work(Protocol):
    """Background work that runs until it is cancelled."""

    def cancel(self) -> None: ...


class Fleets:
    """Creates a session when its fleet is first needed and keeps it, with everything it has learnt.

    `spawn` starts background work. No fleet ever waits for another.
    """

    def __init__(
        self,
        setup: Setup,
        outside: Outside,
        on_news: Callable[[Session], None],
        spawn: Callable[[Coroutine[Any, Any, None]], Work],
    ) -> None:
        self.all: Sequence[Fleet] = setup.fleets
        self.unseen: Counter[str] = Counter()
        """How many notices of each fleet, by name, were announced while another one was in front."""
        self._again = setup.again
        self._outside, self._on_news, self._spawn = outside, on_news, spawn
        self._sessions: dict[str, Session] = {}
        self._retired: list[Session] = []
        self._streams: dict[str, Work] = {}
        self._attending: Work | None = None
        self.front = self.session(setup.current)

    @property
    def several(self) -> bool:
        """Whether there is more than one fleet, so that names are needed."""
        return len(self.all) > 1

    def find(self, name: str) -> Fleet | None:
        return next((one for one in self.all if one.name == name), None)

    def session(self, name: str) -> Session:
        """The session of an existing fleet."""
        if name not in self._sessions:
            fleet = self.find(name)
            assert fleet is not None, name
            former = sum(one.fleet.name == name for one in self._retired)
            key = f"{name}~{former}" if former else name
            self._sessions[name] = Session(fleet, self._outside, self._on_news, key)
        return self._sessions[name]

    def by_key(self, key: str) -> Session:
        """The session with that key, even if its fleet has changed since."""
        return next(one for one in (*self._sessions.values(), *self._retired) if one.key == key)

    def seen(self, name: str) -> Session | None:
        """The fleet's session, if it was already created."""
        return self._sessions.get(name)

    # following

    def start(self) -> None:
        """Follow the fleet in front at once, then the others one after another."""
        self.bring(self.front.fleet.name)
        self._watch_others()

    def _watch_others(self) -> None:
        others = [one.name for one in self.all if one.name not in self._streams]
        for place, name in enumerate(others, 1):
            self._streams[name] = self._spawn(self._watch(name, place * GAP_SECS))

    async def _watch(self, name: str, delay: float = 0.0) -> None:
        if delay:
            await self._outside.sleep(delay)
        await self.session(name).run()

    def bring(self, name: str) -> Session:
        """Bring a fleet to the front. The previous one is only monitored from now on."""
        if self._attending is not None:
            self._attending.cancel()
        self.front = self.session(name)
        self.unseen.pop(name, None)
        if name not in self._streams:
            self._streams[name] = self._spawn(self._watch(name))
        self._attending = self._spawn(self.front.attend())
        return self.front

    def tell(self, session: Session, news: Sequence[Notice]) -> bool:
        """Count these notices as unread if their fleet is in the background; return whether it is."""
        behind = session is not self.front
        if behind:
            self.unseen[session.fleet.name] += len(news)
        return behind

    # contexts that are added, changed, and removed

    def take_up(self) -> list[Session]:
        """Apply the current contexts; return the sessions that are over.

        The fleet in front stays in front, even when its context is gone. When its context points to another
        daemon, its new session is in front. Raises SyncropelError, having changed nothing.
        """
        if self._again is None:
            return []
        known = {one.name: one for one in self._again()}
        here = self.front.fleet
        self.all = [*known.values(), *(() if here.name in known else (here,))]
        over = [one for one in self._sessions.values() if self._is_over(one, known)]
        self._retired += over
        for one in over:
            del self._sessions[one.fleet.name]
        ended = {one.fleet.name for one in over} | {name for name in self._streams if not self.find(name)}
        for name in ended & self._streams.keys():
            self._streams.pop(name).cancel()
            self.unseen.pop(name, None)
        for name, session in self._sessions.items():
            session.settle(known.get(name, session.fleet))
        if self.front in over:
            self.bring(here.name)
        self._watch_others()
        return over

    def _is_over(self, session: Session, known: dict[str, Fleet]) -> bool:
        fleet = known.get(session.fleet.name)
        return session is not self.front if fleet is None else fleet.target != session.target

    async def close(self) -> None:
        for session in (*self._sessions.values(), *self._retired):
            await session.close()
