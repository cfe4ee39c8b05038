"""Folds of a whole log in memory: what folds that start from views are compared with."""

from __future__ import annotations

from syncropel.engine.ingest.live import LiveFolds
from syncropel.store.base import RecordStore


async def rebuild(store: RecordStore) -> LiveFolds:
    """Fold the whole log, record by record."""
    live = LiveFolds()
    async for chunk in store.scan():
        for stored in chunk:
            live.apply(stored)
    await live.refold(store)
    return live
