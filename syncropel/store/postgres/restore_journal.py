"""Records to be restored all or nothing: a table that holds them until all are in the log."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import psycopg

from syncropel.errors import StoreError
from syncropel.store.base import Outcome
from syncropel.store.calls import Call
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.connection import Connection, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.restoring import STEP, Timed
from syncropel.store.sqlite.rows import from_row, to_row

_SECS: Final = 120.0
"""How long a large promise may take."""


class RestoreJournal:
    """The table `arriving`, on a connection of its own."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._address = address

    async def waiting(self) -> bool:
        """Whether records are on their way into the log."""
        return bool(await self._run(_any))

    async def promise(self, records: Sequence[Timed]) -> None:
        """Keep these, durably. Raises StoreError; then nothing is promised, unless its message says so."""
        try:
            await self._connection.run(partial(_promise, records=records), _SECS)
        except psycopg.Error as error:
            told = explain(error, self._address)
            try:
                await self.fulfilled()
            except StoreError:
                told = StoreError(
                    f"{told.message}; the next start may take the records in, or not", told.hint
                )
            raise told from error

    async def fulfilled(self) -> None:
        """All is in the log, or nothing is to be. Raises StoreError."""
        await self._run(_forget)

    async def finish(self, submit: Callable[[Call], Awaitable[list[Outcome]]]) -> None:
        """Finish what a process before promised and did not complete. Raises StoreError."""
        ordinal = 0
        while some := await self._run(partial(_next, after=ordinal)):
            stored = [from_row((0, *json.loads(row))) for _, row in some]
            times = tuple(one.received_at for one in stored)
            await submit(Call([one.record for one in stored], 0.0, times=times))
            ordinal = some[-1][0]
        if ordinal:
            await self.fulfilled()

    async def _run(self, job: Callable[[Session], Any]) -> Any:
        try:
            return await self._connection.run(job)
        except psycopg.Error as error:
            raise explain(error, self._address) from error


def _any(session: Session) -> bool:
    row = session.log.execute("SELECT EXISTS (SELECT 1 FROM syncropel.arriving)").fetchone()
    return row is not None and bool(row[0])


def _promise(session: Session, records: Sequence[Timed]) -> None:
    with session.log.transaction(), session.log.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = 'on'")
        with cursor.copy("COPY syncropel.arriving (ordinal, id, row) FROM STDIN") as copy:
            for ordinal, (record, received_at) in enumerate(records, 1):
                row = json.dumps(to_row(record, received_at))
                copy.write_row((ordinal, bytes.fromhex(record.id), row))


def _forget(session: Session) -> None:
    session.log.execute("DELETE FROM syncropel.arriving")


def _next(session: Session, after: int) -> list[tuple[int, str]]:
    found = session.log.execute(
        "SELECT ordinal, row FROM syncropel.arriving WHERE ordinal > %s ORDER BY ordinal LIMIT %s",
        (after, STEP),
    )
    return [(ordinal, row) for ordinal, row in found]
