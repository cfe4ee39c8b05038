"""The record log in one SQLite file: a writer with group commit, and readers beside it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final, TypeVar

from syncropel.errors import StoreError, Unavailable
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Altered, Arrived, Entry, Hold, Judged, Keep, Outcome, RecordFilter, Settled
from syncropel.store.calls import Call
from syncropel.store.intake import not_held, refuse_held, taken_in, tell
from syncropel.store.lineage.lineage import Lineage, LineageFile
from syncropel.store.lock import StoreLock
from syncropel.store.refusals import StoreReplaced
from syncropel.store.restoring import Known, restore
from syncropel.store.sqlite import reading, walking
from syncropel.store.sqlite.at_once import ReaderAtOnce
from syncropel.store.sqlite.backup import BackupResult
from syncropel.store.sqlite.connection import (
    Connection,
    explain,
    open_reader,
    open_writer,
    unwritable,
)
from syncropel.store.sqlite.custody import spare_the_files
from syncropel.store.sqlite.following import catch_up_beside
from syncropel.store.sqlite.lineage_opening import choose_files
from syncropel.store.sqlite.preparing import Prepared, prepared_store
from syncropel.store.sqlite.reserve import Reserve
from syncropel.store.sqlite.restore_journal import RestoreJournal
from syncropel.store.sqlite.restoring import JournalApart, look_up
from syncropel.store.sqlite.writer import Writer
from syncropel.store.walks import Asked, Visit, Walk

READERS: Final = 2

_Result = TypeVar("_Result")


class SqliteStore:
    """A RecordStore in a file. Open it with `SqliteStore.open`; only one process at a time can."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float],
        lock: StoreLock,
        writer: Writer,
        readers: Sequence[Connection],
        at_once: ReaderAtOnce,
        walker: Connection,
        prepared: Prepared,
    ) -> None:
        self.path = path
        self._clock = clock
        self._lock = lock
        self._writer = writer
        self._readers = readers
        self._next_reader = cycle(readers)
        self._at_once = at_once
        self._walker = walker  # of its own: a walk must not stand in the way of a short read
        self._closing: asyncio.Task[None] | None = None
        self._following: asyncio.Task[None] | None = None
        self._restore_journal = RestoreJournal(path)
        self._prepared = prepared
        self.told = prepared.told
        """What an operator should know about how the files were found: warnings, empty when all was well."""

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Callable[[], float],
        reserve: Reserve | None = None,
        lineage: LineageFile | None = None,
    ) -> SqliteStore:
        """Open the store at `path`, created if it is missing; `clock` gives unix seconds for `received_at`,
        and `reserve` space for control records on a full disk. `lineage`: what the log is compared with;
        without one its past is not checked.

        Raises StoreError when another process has it open or the file cannot be written, StoreCorrupt when it
        is damaged or something else, StoreTooNew when a later version wrote it.
        """
        lock = StoreLock(path)
        connections: list[Connection] = []
        prepared: Prepared | None = None
        try:
            now = 0.0 if lineage is None else clock()
            told = [] if lineage is None else await asyncio.to_thread(choose_files, path, lineage, now)
            path.touch(mode=0o600)
            connections.append(await open_writer(path))
            prepare = partial(prepared_store, path=path, lineage=lineage, told=told, now=now)
            prepared = await connections[0].run(prepare)
            writer = await Writer.start(connections[0], path, reserve, prepared.custody)
            for _ in range(READERS + 1):
                connections.append(await open_reader(path))
            at_once = ReaderAtOnce(path)
        except BaseException as error:
            for connection in connections:
                await connection.close()
            if prepared is not None:
                prepared.custody.close()
            lock.release()
            if isinstance(error, sqlite3.Error):
                raise explain(error, path) from error
            if isinstance(error, OSError):
                raise unwritable(path, error.strerror or str(error)) from error
            raise
        if writer.lineage is not None:
            writer.lineage.soon()
        _, walker, *readers = connections
        store = cls(
            path,
            clock=clock,
            lock=lock,
            writer=writer,
            readers=readers,
            walker=walker,
            at_once=at_once,
            prepared=prepared,
        )
        store._follow()
        return store

    def _follow(self) -> None:
        """Let the lineage come to the end of the log, where it has not yet."""
        lineage = self._writer.lineage
        if lineage is not None and lineage.keeper.behind:
            read = partial(self._read, reader=self._walker)
            self._following = asyncio.create_task(
                catch_up_beside(lineage, read, self._writer.run), name="store-follow"
            )

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        """See RecordStore. Raises Unavailable once the store is closing."""
        self._require_open()
        if not records:
            tell(settled, [])
            return []
        refuse_held(records, self.hold)
        return await self._writer.submit(Call(taken_in(records), self._clock(), judged=judged), settled)

    async def restore(
        self, records: Sequence[tuple[Record, float]], keep: Keep, arrived: Arrived
    ) -> list[Outcome]:
        """See RecordStore. Raises Unavailable once the store is closing; the rest is written at the next
        opening.
        """
        self._require_open()
        refuse_held([record for record, _ in records], self.hold)
        if self._restore_journal.waiting:
            raise StoreError(
                f"{self._restore_journal.path} has records that are not in the log yet",
                "start the daemon again, which takes them in",
            )
        journal = JournalApart(self._restore_journal)
        return await restore(records, keep, arrived, journal, self._look_up, self._submit)

    async def _look_up(self, records: Sequence[Record]) -> tuple[Known, set[int]]:
        return await self._read(partial(look_up, records=records))

    async def get(self, record_id: str) -> StoredRecord | None:
        """See RecordStore."""
        return await self._read(partial(reading.get, record_id=record_id))

    async def query(self, wanted: RecordFilter) -> list[StoredRecord]:
        """See RecordStore."""
        return await self._read(partial(reading.query, wanted=wanted))

    async def scan(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[StoredRecord]]:
        """See RecordStore."""
        while found := await self._read(partial(reading.after, sequence=after, limit=chunk)):
            yield found
            after = found[-1].sequence

    async def entries(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[Entry]]:
        """See RecordStore."""
        while found := await self._read(partial(reading.entries_after, sequence=after, limit=chunk)):
            yield found
            after = found[-1].stored.sequence

    async def thread(self, thread: str) -> list[StoredRecord]:
        """See RecordStore."""
        return await self._read(partial(reading.thread, thread=thread))

    def thread_through(self, thread: str, sequence: int) -> list[StoredRecord]:
        """See RecordStore."""
        self._require_open()
        return self._at_once.thread(thread, sequence)

    async def walk(self, walk: Walk, visit: Visit, over: Asked, halted: Asked) -> Walk | None:
        """See RecordStore."""
        job = partial(walking.walk, walk=self._bounded(walk), visit=visit, over=over, halted=halted)
        return await self._read(job, self._walker)

    async def length(self, walk: Walk) -> int:
        """See RecordStore."""
        walk = self._bounded(walk)
        if walk.thread is None:
            return max(walk.until - walk.after, 0)
        return await self._read(partial(walking.length, walk=walk), self._walker)

    async def at(self, sequences: Sequence[int]) -> list[StoredRecord]:
        """See RecordStore."""
        return await self._read(partial(walking.at, sequences=list(sequences)), self._walker)

    def _bounded(self, walk: Walk) -> Walk:
        """The walk, within the log: beyond it there would be no end to empty windows."""
        last = self.last_sequence
        return replace(walk, after=max(walk.after, 0), until=min(walk.until, last))

    async def altered_after(self, sequence: int, limit: int) -> tuple[int, list[Altered]]:
        """See RecordStore."""
        lineage = self.lineage
        accepted = () if lineage is None else lineage.accepted
        return await self._read(
            partial(reading.altered_after, sequence=sequence, limit=limit, accepted=accepted)
        )

    async def accept_altered(self, altered: Sequence[Altered]) -> None:
        """See RecordStore. Raises StoreError while there is no lineage, which stores it."""
        if self._writer.lineage is None:
            raise StoreError("the log has no lineage to note it in", "see: spl store status")
        self._writer.lineage.keeper.accept_altered([one.found for one in altered])
        await self._writer.lineage.write(everywhere=True)

    async def acknowledge(self, record_ids: Iterable[str]) -> None:
        """See RecordStore."""
        await self._submit(Call((), self._clock(), tuple(record_ids)))

    async def acknowledged(self, record_ids: Collection[str]) -> set[str]:
        """See RecordStore."""
        return await self._read(partial(reading.acknowledged, record_ids=record_ids))

    @property
    def place(self) -> str:
        """See RecordStore."""
        return str(self.path)

    @property
    def beside(self) -> Path:
        """See RecordStore: the file itself."""
        return self.path

    @property
    def hold(self) -> Hold | None:
        """See RecordStore."""
        return self._prepared.hold

    @property
    def unsettled(self) -> None:
        """See RecordStore: what became of a commit is known at once."""

    @property
    def unreachable(self) -> None:
        """See RecordStore: there is no database."""

    async def accept_loss(self) -> Hold:
        """See RecordStore."""
        self._require_open()
        hold = self.hold
        if hold is None:
            raise not_held()
        self._writer.lineage = await self._writer.run(partial(self._prepared.accept, now=self._clock()))
        self._follow()
        return hold

    @property
    def replaced(self) -> StoreReplaced | None:
        """Set once somebody has removed or replaced the files: nothing is written any more."""
        return self._prepared.custody.replaced

    @property
    def lineage(self) -> Lineage | None:
        """What is known of the log, if a lineage is kept."""
        return None if self._writer.lineage is None else self._writer.lineage.keeper.lineage

    async def copying(self, job: Callable[[sqlite3.Connection | None], _Result]) -> _Result:
        """Run a long job that copies the store, on a thread of its own. It receives None, to open the store
        by its path; or a connection, where the path no longer leads to it. Raises Unavailable, StoreError.
        """
        self._require_open()
        if self.replaced is None:
            return await asyncio.to_thread(job, None)
        return await self._read(job)

    def copied(self, result: BackupResult) -> None:
        """Record a copy that was made, as a state that the log may be set back to."""
        if result.point is not None and self._writer.lineage is not None:
            self._writer.lineage.keeper.copied(result.point)
            self._writer.lineage.soon()

    @property
    def count(self) -> int:
        """See RecordStore. The log has no gaps, so the last sequence is the count."""
        return self._writer.last_sequence

    @property
    def last_sequence(self) -> int:
        """See RecordStore."""
        return self._writer.last_sequence

    @property
    def commits(self) -> int:
        """How many commits the appends since opening took: fewer than appends, when they share."""
        return self._writer.commits

    async def size_bytes(self) -> int:
        """See RecordStore."""
        wal = self.path.with_name(self.path.name + "-wal")
        return sum(file.stat().st_size for file in (self.path, wal) if file.exists())

    async def checkpoint(self) -> None:
        """See RecordStore."""
        self._require_open()
        await self._writer.checkpoint()

    async def close(self) -> None:
        """See RecordStore."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="store-close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            if self._following is not None:
                self._following.cancel()
                await asyncio.wait([self._following])
            self._at_once.close()
            for number, reader in enumerate([*self._readers, self._walker]):
                if number == 0 and self.replaced is not None:
                    spare_the_files(reader)
                else:
                    await reader.close()
            await self._writer.close()
        finally:
            self._lock.release()

    async def _submit(self, call: Call, settled: Settled | None = None) -> list[Outcome]:
        self._require_open()
        return await self._writer.submit(call, settled)

    async def _read(
        self, job: Callable[[sqlite3.Connection], _Result], reader: Connection | None = None
    ) -> _Result:
        self._require_open()
        try:
            return await (reader or next(self._next_reader)).run(job)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _require_open(self) -> None:
        if self._closing is not None:
            raise Unavailable("the store is closed", "start the daemon again")
