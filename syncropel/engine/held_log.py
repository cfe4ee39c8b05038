"""A log that is held because it lacks records: nothing begins before an operator accepts the loss."""

from __future__ import annotations

import asyncio
import logging

from syncropel.store.base import Hold, RecordStore

log = logging.getLogger("syncropel.engine")


class HeldLog:
    """Waits for the operator's word."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._accepted = asyncio.Event()

    async def accept_loss(self, reason: str = "") -> Hold:
        """Go on with the log as it is; return why it was held. Raises Conflict when it was not."""
        hold = await self._store.accept_loss()
        log.warning("an operator accepted a loss: %s (%s)", hold.told, reason or "no reason given")
        self._accepted.set()
        return hold

    async def accepted(self) -> None:
        """Wait until the loss is accepted."""
        await self._accepted.wait()
