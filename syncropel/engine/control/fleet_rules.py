"""Permission rules of the whole fleet: the coordinator repeats to everybody what operators write there.

It repeats them on the fleet control thread, so that they are delivered, confirmed, and ordered before any
work just as a freeze is. Default rules are not repeated: every instance has its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import PERMISSION, Slot, Word
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL

log = logging.getLogger("syncropel.engine.fleet_rules")


class FleetRules:
    """Writes the fleet's rules on a coordinator. Repeating one has no effect."""

    def __init__(
        self,
        ingest: Ingest,
        did: str,
        runtime: Runtime,
        spawn: Callable[[Coroutine[Any, Any, None], str], Any],
    ) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._spawn = spawn
        self._one_at_a_time = asyncio.Lock()
        ingest.subscribe(self._on_records)

    def _on_records(self, records: Sequence[StoredRecord]) -> None:
        touched = any(
            one.record.topic == PERMISSION and one.record.thread == ENGINE_CONFIG for one in records
        )
        if touched and self._ingest.live.rules.unsaid():
            self._spawn(self._tell_quietly(), "rules for the fleet")

    async def _tell_quietly(self) -> None:
        try:
            await self.tell()
        except SyncropelError as error:
            log.error("cannot pass a rule on to the fleet: %s; retrying at the next start", error.message)

    async def tell(self) -> None:
        """Write what has not been repeated yet; on return it is durable and being delivered. Raises what the
        log refuses.
        """
        async with self._one_at_a_time:
            records = [self._record(*one) for one in self._ingest.live.rules.unsaid()]
            for outcome in await self._ingest.append(records, ruled=False) if records else ():
                if isinstance(outcome, SyncropelError):
                    raise outcome

    def _record(self, slot: Slot, word: Word) -> Record:
        kind, name = slot
        body: dict[str, Any] = {"topic": kind, "name": name, "author": word.author, "rule": word.record}
        if word.rule is None:
            body["removed"] = True
        else:
            body |= {
                "expression": word.rule.expression,
                "priority": word.rule.priority,
                "effect": word.rule.effect,
                "ops": list(word.rule.ops),
            }
        return Record(FLEET_CONTROL, self._did, "LEARN", {**body, "at": self._runtime.now()})
