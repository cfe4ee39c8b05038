"""Group commit: appends that arrive during a commit share the next one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from syncropel.store.base import Outcome, Settled
from syncropel.store.head import Head
from syncropel.store.intake import tell
from syncropel.store.lineage.writing import LineageWriter
from syncropel.store.refusals import Moved
from syncropel.store.sqlite import reading
from syncropel.store.sqlite.commit import Call, Committed, commit
from syncropel.store.sqlite.connection import Connection, explain
from syncropel.store.sqlite.custody import Custody
from syncropel.store.sqlite.reserve import Reserve, may_take

GROUP_RECORDS: Final = 2000
"""A group accepts no further call once it has this many records, so that nobody waits long for others."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: Call
    answer: asyncio.Future[list[Outcome]]
    settled: Settled | None


class Writer:
    """Owns the writing connection. One task at a time takes what has queued up and commits it as a group."""

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
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._head = head  # used on the connection's thread only: a commit may outlive those who wait for it
        self.last_sequence = head.last
        self.commits = 0
        """How many groups have been committed since the store was opened."""

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
        """Queue `call` and return its outcomes after the commit that includes it.

        A cancelled caller leaves its call in the queue. Raises StoreError when the commit failed, Moved when
        the call was judged before the newest ruling record.
        """
        answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(call, answer, settled))
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="store-writer")
        return await answer

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
        while self._task is not None:
            await asyncio.wait([self._task])
        try:
            await self._checkpoint("TRUNCATE")
        finally:
            await self._connection.close()
            if self._custody is not None:
                self._custody.close()
            if self.lineage is not None:
                await self.lineage.finish()

    async def _drain(self) -> None:
        try:
            while self._queue:
                group = self._next_group()
                try:
                    committed = await self._connection.run(
                        partial(self._commit, calls=[w.call for w in group])
                    )
                except asyncio.CancelledError:
                    _cancel(group)
                    raise
                except sqlite3.Error as error:
                    _fail(group, explain(error, self._path))
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                    _fail(group, error)
                else:
                    self._succeed(group, committed)
        finally:
            # Only a loop that is being torn down ends this task with calls in the queue.
            _cancel(self._queue)
            self._queue.clear()
            self._task = None

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

    def _next_group(self) -> list[_Waiting]:
        group = [self._queue.popleft()]
        size = len(group[0].call.records)
        while self._queue and size + len(self._queue[0].call.records) <= GROUP_RECORDS:
            group.append(self._queue.popleft())
            size += len(group[-1].call.records)
        return group

    def _succeed(self, group: Sequence[_Waiting], committed: Committed) -> None:
        self.last_sequence = committed.head.last
        self.commits += 1
        if self.lineage is not None:
            self.lineage.soon()
        for waiting, outcomes in zip(group, committed.outcomes, strict=True):
            if isinstance(outcomes, Moved):
                _fail([waiting], outcomes)
                continue
            tell(waiting.settled, outcomes)
            if not waiting.answer.done():
                waiting.answer.set_result(outcomes)


def _cancel(group: Iterable[_Waiting]) -> None:
    for waiting in group:
        tell(waiting.settled, [])
        waiting.answer.cancel()


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        tell(waiting.settled, [])
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
