"""How long a walk over a store may take, and that it ends when the daemon does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from syncropel.errors import Unavailable
from syncropel.store.base import RecordStore
from syncropel.store.walks import Asked, Visit, Walk

WITHIN_SECS: Final = 3.0
"""How long a request looks through the log before it answers with what it has, unless it says otherwise."""
STRETCH_SECS: Final = 0.1
"""How long one walk has the store's attention before another has."""


@dataclass(frozen=True)
class Pace:
    """When an answer must be given: at `ends`, in the seconds of `now`, which never go back; or, without one,
    as soon as `stopping` says yes, from any thread.
    """

    now: Callable[[], float]
    ends: float
    stopping: Asked

    @property
    def is_up(self) -> bool:
        """Whether the time is over."""
        return self.now() >= self.ends

    async def stretch(self, store: RecordStore, walk: Walk, visit: Visit) -> Walk | None:
        """Go on with a walk for a moment, by one record at least; return what is left of it.

        Raises Unavailable when the daemon is stopping.
        """
        until = min(self.now() + STRETCH_SECS, self.ends)
        rest = await store.walk(walk, visit, lambda: self.now() >= until, self.stopping)
        if self.stopping():
            raise Unavailable("the daemon is stopping", "send the request again after the restart")
        return rest
