"""One process appends to a log: which one stands in the log itself, and ends unless it is renewed.

What keeps a second one from writing is the append, which names the process under the lock of the log's head.
The lease only decides when another may take over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psycopg

from syncropel.errors import StoreError, SyncropelError
from syncropel.store.head import Head
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.appending import LEASE_SECS, PROTOCOL
from syncropel.store.postgres.connection import Connection, Log, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.refusals import StoreReplaced

log = logging.getLogger(__name__)

RENEWED_EVERY_SECS: Final = LEASE_SECS / 4
_LOOK_SECS: Final = 0.5


@dataclass(frozen=True)
class Holder:
    """A process that wants to append. `incarnation`: random, for each start."""

    did: str
    incarnation: str

    @property
    def address(self) -> str:
        """Where it runs."""
        return f"{socket.gethostname()}, PID {os.getpid()}"


def take(
    session: Session,
    address: Address,
    holder: Holder,
    waiting: Callable[[str], None] = lambda _: None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Head:
    """Become the process that appends; return the head of the log.

    It waits for a process that ended without saying so, which `waiting` is told once: its lease ends soon.
    Raises StoreError when that one lives, for it renews its lease meanwhile; psycopg.Error.
    """
    ends: float | None = None
    while True:
        row = session.log.execute(
            "SELECT mine, last, ruled, term, leader, address, left_secs"
            " FROM syncropel.lead_v1(%s, %s, %s, %s, %s)",
            (PROTOCOL, holder.did, holder.incarnation, holder.address, LEASE_SECS),
        ).fetchone()
        assert row is not None
        mine, last, ruled, term, leader, where, left_secs = row
        if mine:
            return Head(last, ruled, term)
        if ends is None:
            ends = now() + left_secs + _LOOK_SECS
            waiting(f"waiting up to {left_secs:.0f} s for the lease of {leader} at {where} to end")
        elif now() + left_secs > ends + 2 * _LOOK_SECS:
            raise StoreError(
                f"another daemon has the log at {address.shown} open: {leader} at {where}",
                "stop that one first: spl stop; or give this one a database of its own: [store] url",
            )
        sleep(_LOOK_SECS)


class Lease:
    """Renews a lease on a connection of its own. `lost` is called when another process has it."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        address: Address,
        holder: Holder,
        lost: Callable[[StoreError], None],
    ) -> None:
        self._address = address
        self._holder = holder
        self._lost = lost
        self._connection = Connection(open_session, "store-lease")
        self._task = asyncio.create_task(self._renew_for_ever(), name="store-lease")
        self.problem: StoreError | None = None
        """Why it could not be renewed the last time."""

    async def release(self) -> None:
        """Let another process append at once, as far as the database can be told."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(psycopg.Error, SyncropelError):
            await self._connection.run(self._release)
        await self._connection.close()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEWED_EVERY_SECS)
            try:
                holder = await self._connection.run(self._renew)
            except (psycopg.Error, StoreError) as error:
                told = explain(error, self._address) if isinstance(error, psycopg.Error) else error
                if self.problem is None:
                    log.warning("cannot renew the lease on the log: %s", told.message)
                self.problem = told
                continue
            if self.problem is not None:
                log.info("the lease on the log is renewed again")
            self.problem = None
            if holder:
                self._lost(
                    StoreReplaced(
                        f"another process appends to {self._address.shown} now: {holder}",
                        "see what runs there, then: spl serve",
                    )
                )
                return

    def _renew(self, session: Session) -> str:
        """Prolong it; return who else has it, or nothing."""
        row = session.log.execute(
            "SELECT mine, leader, address FROM syncropel.renew_v1(%s, %s)",
            (self._holder.incarnation, LEASE_SECS),
        ).fetchone()
        assert row is not None
        return "" if row[0] else f"{row[1]} at {row[2]}"

    def _release(self, session: Session) -> None:
        _end(session.log, self._holder.incarnation)


def _end(log: Log, incarnation: str) -> None:
    log.execute(
        "UPDATE syncropel.log_head SET until = clock_timestamp() WHERE incarnation = %s", (incarnation,)
    )
