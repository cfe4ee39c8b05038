"""Denials: each is logged at once and audited as a record; identical ones close together share a record."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import DENIED_TOPIC
from syncropel.peer.runtime import Runtime
from syncropel.policy.permissions import Request, Verdict
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.store.base import Outcome

log = logging.getLogger("syncropel.engine.permissions")

GATHER_SECS: Final = 0.25
"""Identical denials within this many seconds share an audit record, so that no storm fills the log."""
MAX_WAITING: Final = 1_000
"""Distinct denials waiting for their record; more of them at once are only counted."""

_Denial = tuple[str, str, str, str, str, str]


class Denials:
    """Collects denials, and writes them to the engine's config thread. `write` bypasses the rules."""

    def __init__(
        self, did: str, runtime: Runtime, write: Callable[[Sequence[Record]], Awaitable[Sequence[Outcome]]]
    ) -> None:
        self.total = 0
        self.only_counted = 0
        """Denials without a record of their own, because there were too many distinct ones at once."""
        self.lost = 0
        """Audit records that the log did not accept."""
        self._did = did
        self._runtime = runtime
        self._write = write
        self._waiting: Counter[_Denial] = Counter()
        self._beyond = 0
        self._wake = asyncio.Event()

    def note(self, request: Request, verdict: Verdict) -> None:
        """Log a denial and queue it for the audit."""
        self.total += 1
        act = request.record.act if request.record is not None else ""
        log.warning(
            "PERMISSION DENIED %s to %s on %s%s (%s)",
            request.op,
            request.actor,
            request.thread or "several threads",
            f", {act}" if act else "",
            verdict.problem or (f"rule {verdict.rule}" if verdict.rule else "no rule allows it"),
            extra={"actor": request.actor, "thread_id": request.thread},
        )
        denial = (request.op, request.actor, request.thread, act, verdict.rule, verdict.problem)
        if denial in self._waiting or len(self._waiting) < MAX_WAITING:
            self._waiting[denial] += 1
        else:
            self._beyond += 1
            self.only_counted += 1
        self._wake.set()

    async def run(self) -> None:
        """Write audit records for ever."""
        while True:
            await self._wake.wait()
            await self._runtime.sleep(GATHER_SECS)
            await self.flush()

    async def flush(self) -> None:
        """Write what is queued."""
        self._wake.clear()
        waiting, self._waiting = self._waiting, Counter()
        beyond, self._beyond = self._beyond, 0
        records = [self._record(denial, count) for denial, count in waiting.items()]
        if beyond:
            records.append(self._tally(beyond))
            log.error("%d denials at once are only counted, not recorded one by one", beyond)
        if not records:
            return
        lost = 0
        try:
            outcomes = await self._write(records)
            lost = sum(isinstance(one, SyncropelError) for one in outcomes)
            problem = next((one.message for one in outcomes if isinstance(one, SyncropelError)), "")
        except SyncropelError as error:
            lost, problem = len(records), error.message
        if lost:
            self.lost += lost
            log.error("cannot keep %d of %d records of denials: %s", lost, len(records), problem)

    def _tally(self, count: int) -> Record:
        """The audit of what exceeded the limit: how many there were, without details."""
        body = {
            "topic": DENIED_TOPIC,
            "problem": f"over {MAX_WAITING} different denials within {GATHER_SECS:g}s: only counted",
            "count": count,
            "at": self._runtime.now(),
        }
        return Record(ENGINE_CONFIG, self._did, "LEARN", body)

    def _record(self, denial: _Denial, count: int) -> Record:
        op, actor, thread, act, rule, problem = denial
        body = {
            "topic": DENIED_TOPIC,
            "op": op,
            "denied": actor,
            "thread": thread,
            "act": act,
            "rule": rule,
            "problem": problem,
            "count": count,
            "at": self._runtime.now(),
        }
        return Record(ENGINE_CONFIG, self._did, "LEARN", body)
