"""Records that do not match their ids: found, named, and kept from having an effect.

Records of the threads that rule over others are checked before the first goal runs, all others slowly in the
background, and again where they are about to be used as proof.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import NotFound, SyncropelError
from syncropel.peer.runtime import Runtime
from syncropel.policy.guard import record_altered
from syncropel.record.model import StoredRecord, is_sound
from syncropel.record.threads import RESERVED
from syncropel.store.base import Altered, RecordStore

log = logging.getLogger("syncropel.engine.quarantine")

LOOKED_AT: Final = 256
"""Records checked at a time."""
EVERY_SECS: Final = 1.0
AGAIN_SECS: Final = 3600.0
"""Time from the end of one walk through the whole log to the start of the next."""


class Quarantine:
    """The altered records that were found, by id. It updates `live.altered` and `live.standing`, and calls
    `changed` then, for those who show it.
    """

    def __init__(
        self, live: LiveFolds, store: RecordStore, runtime: Runtime, changed: Callable[[], None]
    ) -> None:
        self._changed = changed
        self._live = live
        self._store = store
        self._runtime = runtime
        self.found: dict[str, Altered] = {}
        self.looked_at = 0
        """The last sequence that the current walk has checked."""
        self.walks = 0
        """How many walks through the whole log have ended."""

    async def look_before_work(self) -> None:
        """Check what work is about to rely on: the threads that rule over others, since a flipped bit must
        not lift a freeze, and those of open fan-outs and subtasks.
        """
        for thread in sorted({*RESERVED, *self._live.active, *self._live.open_children}):
            await self.look_at(await _unsound(await self._store.thread(thread)))

    async def look_at(self, unsound: Iterable[StoredRecord]) -> None:
        """Add records that were read and found altered, unless an operator has accepted them."""
        for stored in unsound:
            _, found = await self._store.altered_after(stored.sequence - 1, 1)
            self._take(found)

    async def run(self) -> None:
        """Walk through the log, again and again."""
        while True:
            try:
                looked_at, found = await self._store.altered_after(self.looked_at, LOOKED_AT)
            except SyncropelError as error:
                log.error("cannot check the log: %s", error.message)
                await self._runtime.sleep(AGAIN_SECS)
                continue
            self._take(found)
            if looked_at > self.looked_at:
                self.looked_at = looked_at
                await self._runtime.sleep(EVERY_SECS)
            else:
                self.looked_at, self.walks = 0, self.walks + 1
                await self._runtime.sleep(AGAIN_SECS)

    async def accept(self, record_id: str, reason: str = "") -> Altered:
        """Accept an altered record in its current form, for good. Raises NotFound when it is not in
        quarantine.
        """
        one = self.found.get(record_id)
        if one is None:
            raise NotFound(f"record {record_id} is not in quarantine", "see: spl store status")
        await self._store.accept_altered([one])
        log.warning("an operator accepted the altered record %s (%s)", record_id, reason or "no reason given")
        del self.found[record_id]
        self._settle()
        return one

    async def refuse_altered(self, records: Sequence[StoredRecord]) -> None:
        """Raise RecordAltered when one of these records, which are to be used as proof, does not match its
        id.
        """
        await self.look_at(await _unsound(records))
        for stored in records if self.found else ():
            if stored.record.id in self.found:
                raise record_altered(stored.record.id, stored.record.thread)

    def _take(self, found: Sequence[Altered]) -> None:
        for one in found:
            if one.id not in self.found:
                log.error("record %s on %s was altered: it does not hash to its id", one.id, one.thread)
            self.found[one.id] = one
        if found:
            self._settle()

    def _settle(self) -> None:
        """Publish what is in quarantine to the checks of each write and start."""
        live = self._live
        live.altered.clear()
        live.altered.update({one.thread: one.id for one in self.found.values()})
        ruling = sorted(live.altered.keys() & RESERVED)
        live.standing.altered = (
            f"record {live.altered[ruling[0]]} on {ruling[0]} was altered" if ruling else ""
        )
        self._changed()


async def _unsound(records: Sequence[StoredRecord]) -> list[StoredRecord]:
    """Those that do not match their ids; gives others a turn after every few."""
    found: list[StoredRecord] = []
    for start in range(0, len(records), LOOKED_AT):
        found += [one for one in records[start : start + LOOKED_AT] if not is_sound(one.record)]
        await asyncio.sleep(0)
    return found
