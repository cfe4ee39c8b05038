"""Writes what changed in the live folds to the views, and lets go of what nobody needs in memory."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from syncropel.engine.ingest.changes import Changes
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.views.eviction import Limits, evict
from syncropel.engine.views.rows import thread_row
from syncropel.errors import SyncropelError
from syncropel.folds.tasks.trust import NOBODY
from syncropel.folds.threads.index import ActorLine
from syncropel.store.base import RecordFilter, RecordStore
from syncropel.store.views.batch import ActorRow, Batch, ForkRow
from syncropel.store.views.views import Views

log = logging.getLogger("syncropel.engine.views")

EVERY_SECS: Final = 0.5
_AGAIN_SECS: Final = 5.0


async def id_at(store: RecordStore, sequence: int) -> str:
    """The id of the record with this sequence; empty when there is none."""
    found = await store.query(RecordFilter(since=sequence - 1, limit=1)) if sequence > 0 else []
    return found[0].record.id if found and found[0].sequence == sequence else ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a write in progress is about, to be put back if it fails."""

    changes: Changes
    recounted: set[str]


class Projector:
    """Keeps the views of a log up with its live folds. `pending`: threads to look at again after a crash."""

    def __init__(
        self,
        live: LiveFolds,
        store: RecordStore,
        views: Views,
        limits: Limits | None = None,
        pending: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.live = live
        self.views = views
        self.pending = pending
        self.problem = ""
        """Why the last write failed; empty when it did not. The log is not concerned."""
        self.position = 0
        """The sequence up to which the views contain the log."""
        self._store = store
        self._limits = limits or Limits()
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Write soon after each change, for ever."""
        while True:
            await asyncio.sleep(_AGAIN_SECS if self.problem else EVERY_SECS)
            await self.try_to_flush()

    async def try_to_flush(self) -> None:
        """As `flush`; a write that fails is told in `problem`. Memory keeps what the views lack."""
        try:
            await self.flush()
        except SyncropelError as error:
            if error.message != self.problem:
                log.warning("the views fall behind: %s", error.message)
            self.problem = error.message

    async def end(self) -> None:
        """Write what is left, and close the views. What cannot be written is read from the log again."""
        try:
            await self.flush()
        except SyncropelError as error:
            log.warning("the views are behind the log: %s", error.message)
        await self.views.close()

    def unwritten_runs(self) -> set[tuple[str, str, str]]:
        """As `Changes.observed`, of what the views do not have yet."""
        writing = self.live.writing
        return self.live.changes.observed | (set() if writing is None else writing.observed)

    async def flush(self) -> None:
        """Write everything that was applied by now. Raises StoreError."""
        wanted = self.live.applied
        async with self._turn:
            if self.position < wanted or self._has_changes():
                await self._write()

    def _has_changes(self) -> bool:
        changes = self.live.changes
        return bool(changes.threads or changes.reports or self.live.tally.recounted)

    async def _write(self) -> None:
        live = self.live
        live.counts()
        taken = _Taken(live.changes, live.tally.recounted)
        batch = self._batch(taken)
        live.writing = taken.changes
        live.changes, live.tally.recounted = Changes(), set()
        try:
            at = await id_at(self._store, batch.position)
            await self.views.write(batch, at)
        except BaseException:
            self._put_back(taken)
            raise
        finally:
            live.writing = None
        self.position, self.problem = batch.position, ""
        evict(live, self._limits)

    def _put_back(self, taken: _Taken) -> None:
        live, now, before = self.live, self.live.changes, taken.changes
        now.threads = before.threads | now.threads
        now.actors |= before.actors
        now.spawned |= before.spawned
        now.forked |= before.forked
        now.observed |= before.observed
        for intend, sequences in before.started.items():
            if intend not in now.settled:
                now.started[intend] = sequences + now.started.get(intend, [])
        now.settled |= before.settled
        now.reports |= before.reports
        live.tally.recounted |= taken.recounted

    def _batch(self, taken: _Taken) -> Batch:
        live, changes = self.live, taken.changes
        lines = [live.index.threads[thread] for thread in changes.threads]
        acknowledged = [one for one in changes.reports if one not in live.unreported]
        return Batch(
            position=live.applied,
            threads=[thread_row(live, line) for line in lines],
            stale=sorted(live.stale | live.arriving),
            spawned=[(child, live.parents.fan_outs[child]) for child in changes.spawned],
            forked=[
                ForkRow(child, parent, *key)
                for child in changes.forked
                for parent, key in live.parents.forks[child].items()
            ],
            runs=[(intend, child, thread) for thread, child, intend in changes.observed],
            settled=sorted(changes.settled),
            starts=[(intend, one) for intend, sequences in changes.started.items() for one in sequences],
            reported=acknowledged,
            unreported=[(one, live.unreported[one]) for one in changes.reports if one in live.unreported],
            actors=[self._actor(actor) for actor in changes.actors | taken.recounted],
            state=self._state(),
        )

    def _actor(self, actor: str) -> ActorRow:
        line = self.live.index.actors.get(actor) or ActorLine()
        trust = self.live.tally.trust.get(actor, NOBODY)
        return ActorRow(actor, line.threads, line.last_activity, trust.results, trust.accepted, trust.own)

    def _state(self) -> str:
        live = self.live
        return json.dumps(
            {
                "threads": live.index.count,
                "tasks": live.task_count,
                "children": live.child_count,
                "revision": live.revision,
                "joined": list(live.joined),
                "places": sorted(live.places),
                "open_tasks": live.tally.open_tasks,
                "pending": sorted(self.pending()),
            }
        )
