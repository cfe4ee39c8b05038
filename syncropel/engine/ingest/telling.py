"""Tells watchers and listeners of new records, once the live folds have them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.record.model import StoredRecord

log = logging.getLogger("syncropel.engine.ingest")

Listener = Callable[[Sequence[StoredRecord]], None]

SLICE: Final = 500
"""Restored records that listeners hear of before others get a turn on the event loop."""


class Telling:
    """Whom to tell, and of what nobody has heard yet."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast
        self._listeners: list[Listener] = []
        self._untold: list[StoredRecord] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every group of new records."""
        self._listeners.append(listener)

    def soon(self, fresh: Sequence[StoredRecord]) -> None:
        """Tell everyone before anyone continues who was waiting for these records to be written.

        Calls that shared a commit come here one after another and are told together: most of a listener's
        work is to be called. Those who wait for them are woken by the event loop, after this.
        """
        if not self._untold:
            asyncio.get_running_loop().call_soon(self.rest)
        self._untold += fresh

    def rest(self) -> None:
        """Tell what nobody has heard yet. A listener that fails is logged."""
        if not self._untold:
            return
        fresh, self._untold = self._untold, []
        try:
            self.now(fresh)
        except Exception:
            log.exception("a listener failed on new records")

    def now(self, fresh: Sequence[StoredRecord], *, act: bool = True) -> None:
        """Tell watchers, and listeners if the engine is to `act` on these."""
        self._broadcast.publish(fresh)
        if act:
            self.listeners(fresh)
        if log.isEnabledFor(logging.DEBUG):
            for stored in fresh:
                record = stored.record
                log.debug(
                    "record ingested",
                    extra={"actor": record.actor, "thread_id": record.thread, "record": record.id},
                )

    def listeners(self, fresh: Sequence[StoredRecord]) -> None:
        """Tell only the listeners."""
        for listener in self._listeners:
            listener(fresh)


def slices(records: Sequence[StoredRecord]) -> Iterator[Sequence[StoredRecord]]:
    """The records, SLICE at a time."""
    for at in range(0, len(records), SLICE):
        yield records[at : at + SLICE]
