"""The self-check: compares a live fold with a fresh fold of the same records. A difference is a bug: it is
logged as an error and repaired.
"""

from __future__ import annotations

import logging

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.tasks.state import fold_task
from syncropel.store.base import RecordStore

log = logging.getLogger("syncropel.engine.selfcheck")


class SelfCheck:
    """Checks one task thread per call, in turn."""

    def __init__(self, live: LiveFolds, store: RecordStore) -> None:
        self._live = live
        self._store = store
        self._turn = 0
        self.failures = 0

    async def step(self) -> bool:
        """Check the next thread; return whether live and fresh agreed."""
        threads = [thread for thread, _ in self._live.tasks.held()]
        if not threads:
            return True
        thread = threads[self._turn % len(threads)]
        self._turn += 1
        fresh = fold_task(thread, await self._store.thread(thread))
        live = self._live.tasks.peek(thread)
        if live is None or live.sequence != fresh.sequence or live == fresh:
            return True  # equal, or more came while the log was read: a later check will see
        self.failures += 1
        log.error("a live fold differs from the log; refolded", extra={"thread_id": thread})
        self._live.stale.add(thread)
        await self._live.refold(self._store)
        return False
