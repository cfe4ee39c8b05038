"""Server-sent events with a whole state: built once for all who watch it, however many they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from syncropel.api.http.sse import event, server_shutdown
from syncropel.engine.engine import Engine


@dataclass(frozen=True, slots=True, eq=False)
class _Taken:
    """A snapshot as an event, how many changes it includes, and when it was taken (monotonic seconds)."""

    event: bytes
    count: int
    at: float


class Snapshots:
    """The events of one kind of snapshot. `take` makes its JSON; whoever may watch may see all of it.

    At most one snapshot is taken in `gap_secs` for those who watch already; one who comes gets the state of
    that moment.
    """

    def __init__(self, engine: Engine, take: Callable[[], str], name: str, gap_secs: float) -> None:
        self._engine = engine
        self._take = take
        self._name = name
        self._gap = gap_secs
        self._kept: _Taken | None = None

    async def events(self) -> AsyncIterator[str | bytes]:
        """A snapshot at once, then one for every change, at most one in every gap, and at least one in every
        heartbeat interval of the fleet.
        """
        interval = self._engine.settings.fleet.heartbeat_interval_secs
        had = None
        while not self._engine.stopping:
            had = self._first() if had is None else await self._newer(had)
            yield had.event
            try:
                await asyncio.wait_for(self._engine.changed.after(had.count), interval)
            except TimeoutError:
                continue
        yield server_shutdown()

    def _first(self) -> _Taken:
        """The state as it is now."""
        kept = self._kept
        if kept is not None and kept.count == self._engine.changed.count and self._rest(kept) > 0:
            return kept
        return self._taken()

    async def _newer(self, had: _Taken) -> _Taken:
        """A snapshot later than this one, as soon as there may be one."""
        kept = self._kept
        if kept is None or kept is had:
            await self._engine.runtime.sleep(max(0.0, self._rest(had)))
            kept = self._kept
        if kept is not None and kept is not had and self._rest(kept) > 0:
            return kept
        return self._taken()

    def _rest(self, taken: _Taken) -> float:
        """How many seconds are left until the next one may be taken."""
        return taken.at + self._gap - self._engine.runtime.monotonic()

    def _taken(self) -> _Taken:
        count, at = self._engine.changed.count, self._engine.runtime.monotonic()
        self._kept = _Taken(event(self._name, self._take()).encode(), count, at)
        return self._kept
