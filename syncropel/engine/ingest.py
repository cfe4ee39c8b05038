"""The door of the log: guard, append, apply to the live folds, tell everyone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from syncropel.engine.broadcast import Broadcast
from syncropel.engine.live import LiveFolds
from syncropel.engine.runtime import Runtime
from syncropel.errors import SyncropelError, Unavailable
from syncropel.policy.guard import check
from syncropel.record import Record, StoredRecord
from syncropel.store.base import Appended, Outcome, RecordStore

log = logging.getLogger("syncropel.engine.ingest")

Listener = Callable[[Sequence[StoredRecord]], None]


class Ingest:
    """Takes records in. After `append` returned, the record is durable and every live fold has it."""

    def __init__(
        self, store: RecordStore, live: LiveFolds, broadcast: Broadcast, did: str, runtime: Runtime
    ) -> None:
        self.store = store
        self._did = did
        self._runtime = runtime
        self.live = live
        self.broadcast = broadcast
        self.total = 0
        self.open = True
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with every group of new records, after the live folds took them."""
        self._listeners.append(listener)

    async def append(self, records: Sequence[Record]) -> list[Outcome]:
        """Append in order. A record that the guard or the log refuses gets its error; the others go in.

        Raises Unavailable when the daemon is stopping, StoreError when the disk refuses.
        """
        if not self.open:
            raise Unavailable(
                "the daemon is stopping and takes no new records", "send it again after the restart"
            )
        now = self._runtime.now()
        refused = [check(record, self.live, now, self._did) for record in records]
        passed = [record for record, error in zip(records, refused, strict=True) if error is None]
        outcomes = iter(await self.store.append(passed) if passed else ())
        answer: list[Outcome] = [error or next(outcomes) for error in refused]
        fresh = [one.stored for one in answer if isinstance(one, Appended) and one.created]
        if fresh:
            await self._take(fresh)
        return answer

    async def append_one(self, record: Record) -> Appended:
        """Append one record; raises what `append` would answer."""
        (outcome,) = await self.append([record])
        if isinstance(outcome, SyncropelError):
            raise outcome
        return outcome

    async def _take(self, fresh: list[StoredRecord]) -> None:
        self.total += len(fresh)
        for stored in fresh:
            self.live.apply(stored)
        if self.live.crooked:
            await self.live.straighten(self.store)
        self.broadcast.publish(fresh)
        for listener in self._listeners:
            listener(fresh)
        if log.isEnabledFor(logging.DEBUG):
            for stored in fresh:
                record = stored.record
                log.debug(
                    "record ingested",
                    extra={"actor": record.actor, "thread_id": record.thread, "record": record.id},
                )
