"""The writing connection of a SQLite log: commits in groups, checkpoints, and the files' custody."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from syncropel.store.base import Outcome, Settled
from syncropel.store.calls import Call, Committed
from syncropel.store.group_commit import GroupCommit
from syncropel.store.head import Head
from syncropel.store.lineage.writing import LineageWriter
from syncropel.store.sqlite import reading
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.connection import Connection, explain
from syncropel.store.sqlite.custody import Custody
from syncropel.store.sqlite.reserve import Reserve, may_take

_Result = TypeVar("_Result")


class Writer:
    """Owns the writing connection."""

    def __init__(
        self,
        connection: Connection,
        path: Path,
        head: Head,
        reserve: Reserve | None = None,
        custody: Custody | None = None,
    ) -> None:
        self._custody = custody
        self.lineage: LineageWriter | None = None
        """Writes the log's lineage; None while there is none, or while the log is held."""
        if custody is not None and custody.keeper is not None:
            self.lineage = LineageWriter(custody.keeper)
        self._connection = connection
        self._path = path
        self._reserve = reserve
        self._group = GroupCommit(self._commit_group, head.last)
        self._head = head  # used on the connection's thread only: a commit may outlive those who wait for it

    @property
    def last_sequence(self) -> int:
        """The log's last sequence."""
        return self._group.last_sequence

    @property
    def commits(self) -> int:
        """How many groups have been committed since the store was opened."""
        return self._group.commits

    @classmethod
    async def start(
        cls,
        connection: Connection,
        path: Path,
        reserve: Reserve | None = None,
        custody: Custody | None = None,
    ) -> Writer:
        """A writer on a prepared connection, which it then owns. Raises sqlite3.Error.

        `reserve`: space for control records on a full disk. `custody`: of the store's files.
        """
        writer = cls(connection, path, await connection.run(reading.head), reserve, custody)
        await writer._fill_reserve()
        return writer

    async def submit(self, call: Call, settled: Settled | None = None) -> list[Outcome]:
        """See GroupCommit. Raises StoreError when the commit failed."""
        return await self._group.submit(call, settled)

    async def run(self, job: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Run a job between two commits, on their connection. Raises StoreError."""
        try:
            return await self._connection.run(job)
        except sqlite3.Error as error:
            raise explain(error, self._path) from error

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the main file. Raises StoreError."""
        await self._checkpoint("PASSIVE")  # its file stays: overwriting it costs half of extending it
        await self._fill_reserve()
        if self.lineage is not None:
            self.lineage.soon()

    async def _checkpoint(self, mode: str) -> None:
        await self.run(partial(self._move, mode=mode))

    def _move(self, connection: sqlite3.Connection, mode: str) -> None:
        if self._custody is None:
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        else:
            self._custody.checkpoint(connection, mode)

    async def close(self) -> None:
        """Finish what is queued, checkpoint, and close the connection. Raises StoreError after closing."""
        await self._group.finish()
        try:
            await self._checkpoint("TRUNCATE")
        finally:
            await self._connection.close()
            if self._custody is not None:
                self._custody.close()
            if self.lineage is not None:
                await self.lineage.finish()

    async def _commit_group(self, calls: Sequence[Call]) -> Committed:
        committed = await self.run(partial(self._commit, calls=calls))
        if self.lineage is not None:
            self.lineage.soon()
        return committed

    def _commit(self, connection: sqlite3.Connection, calls: Sequence[Call]) -> Committed:
        custody = self._custody
        if custody is not None and custody.replaced is not None:
            raise custody.replaced
        while True:
            if custody is not None:
                custody.begins(connection)
            try:
                committed = commit(connection, calls, self._head)
            except sqlite3.Error as error:
                if custody is not None:
                    custody.look()  # SQLite's error about files that are not ours explains nothing
                if self._reserve is None or not may_take(error, calls) or not self._reserve.give():
                    raise
            else:
                self._head = committed.head
                if custody is not None:
                    custody.committed(connection, committed.ids, calls[-1].received_at)
                return committed

    async def _fill_reserve(self) -> None:
        if (reserve := self._reserve) is not None:
            await self._connection.run(lambda _: reserve.fill())
