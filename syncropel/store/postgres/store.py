"""The record log in PostgreSQL: one connection that appends in groups, and others that read beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg

from syncropel.errors import StoreError, Unavailable
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Altered, Arrived, Entry, Hold, Judged, Keep, Outcome, RecordFilter, Settled
from syncropel.store.calls import Call
from syncropel.store.group_commit import GroupCommit
from syncropel.store.head import Head, rules
from syncropel.store.intake import not_held, refuse_held, taken_in, tell
from syncropel.store.lock import StoreLock
from syncropel.store.postgres import reading, walking
from syncropel.store.postgres.address import Address
from syncropel.store.postgres.at_once import ReaderAtOnce
from syncropel.store.postgres.connection import Connection, Log, Session
from syncropel.store.postgres.explaining import explain
from syncropel.store.postgres.known import KnownLog, hold_against
from syncropel.store.postgres.lease import Holder, Lease, take
from syncropel.store.postgres.restore_journal import RestoreJournal
from syncropel.store.postgres.schema import migrate
from syncropel.store.postgres.writer import Mark, Writer
from syncropel.store.refusals import LATER, StoreUnreachable
from syncropel.store.restoring import Known, restore
from syncropel.store.walks import Asked, Visit, Walk

log = logging.getLogger(__name__)

READERS: Final = 2
PATIENCE_SECS: Final = 8.0
"""How long an append may wait for the database: less than clients wait for an answer."""
READ_SECS: Final = 30.0
"""How long one statement that reads may take."""

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Opened:
    """A log as it was found. `hold`: why it accepts nothing but freezes."""

    log_id: str
    head: Head
    mark: Mark
    hold: Hold | None
    size_bytes: int


class PostgresStore:
    """A RecordStore in a database. Open it with `PostgresStore.open`; only one process at a time can."""

    def __init__(
        self,
        address: Address,
        holder: Holder,
        opened: Opened,
        *,
        clock: Callable[[], float],
        known: KnownLog | None,
        beside: Path | None,
        lock: StoreLock | None,
    ) -> None:
        self.address = address
        self.beside = beside
        self._lock = lock
        self._clock = clock
        self._known = known
        self._opened = opened
        self.hold = opened.hold
        self.told: list[str] = []
        """What an operator should know about how the log was found: warnings, empty when all was well."""
        self._size_bytes = opened.size_bytes
        writes, reads = partial(Session, address, writes=True), partial(Session, address, writes=False)
        self._writer = Writer(writes, address, opened.log_id, holder.incarnation, opened.head, opened.mark)
        self._group = GroupCommit(
            self._writer.commit,
            opened.head.last,
            ends=_rules,
            patience=PATIENCE_SECS,
        )
        self._lease = Lease(writes, address, holder, self._writer.stop)
        self._readers = [Connection(reads, f"store-reader-{number}") for number in range(READERS)]
        self._next_reader = cycle(self._readers)
        self._walker = Connection(reads, "store-walker")  # a walk must not stand in the way of a short read
        self._others = Connection(writes, "store-restore")
        self._journal = RestoreJournal(self._others, address)
        self._at_once = ReaderAtOnce(reads, address)
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        address: Address,
        *,
        clock: Callable[[], float],
        did: str = "",
        known: Path | None = None,
        beside: Path | None = None,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> PostgresStore:
        """Open the log in the database at `address`, whose tables are created if they are missing.

        `clock` gives unix seconds for `received_at`. `did`: of the instance that opens it. `known`: the file
        in which this home remembers what the log has; without one a loss before the start is not noticed.
        `beside`: where the home has its views; the lock there keeps a second daemon out of the home.
        `waiting` is told when a process that died still has the log, which ends by itself.

        Raises StoreError when another process has it open, or it cannot be reached or used; StoreTooNew when
        a later version uses it.
        """
        holder = Holder(did, secrets.token_hex(8))
        lock = None if beside is None else StoreLock(beside)
        try:
            file = None if known is None else KnownLog(known, address.shown)
            remembered = None if file is None else await asyncio.to_thread(file.read)
            opened = await asyncio.to_thread(_open, address, holder, remembered, waiting)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, psycopg.Error):
                told = explain(error, address)
                hint = "is it running, and [store] url right?" if told.hint == LATER else told.hint
                raise type(told)(told.message, hint) from error
            raise
        store = cls(address, holder, opened, clock=clock, known=file, beside=beside, lock=lock)
        try:
            if store.hold is None:
                await store._journal.finish(store._submit)
                store._remember()
        except BaseException:
            await store.close()
            raise
        return store

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        """See RecordStore. Raises Unavailable once the store is closing, StoreUnreachable and OutcomeUnknown
        when the database does not answer.
        """
        self._require_open()
        if not records:
            tell(settled, [])
            return []
        refuse_held(records, self.hold)
        return await self._submit(Call(taken_in(records), self._clock(), judged=judged), settled)

    async def restore(
        self, records: Sequence[tuple[Record, float]], keep: Keep, arrived: Arrived
    ) -> list[Outcome]:
        """See RecordStore. Raises Unavailable once the store is closing; the rest is written at the next
        opening.
        """
        self._require_open()
        refuse_held([record for record, _ in records], self.hold)
        if await self._journal.waiting():
            raise StoreError(
                "the log has records of another restore that are not in yet",
                "start the daemon again, which takes them in",
            )
        return await restore(records, keep, arrived, self._journal, self._look_up, self._submit)

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
        rest: Walk | None = self._bounded(walk)
        while rest is not None and not halted():
            job = partial(walking.window, walk=rest, visit=visit, over=over)
            rest, whole = await self._read(job, self._walker)
            if not whole or over():
                break
        return rest

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
        return replace(walk, after=max(walk.after, 0), until=min(walk.until, self.last_sequence))

    async def altered_after(self, sequence: int, limit: int) -> tuple[int, list[Altered]]:
        """See RecordStore."""
        return await self._read(partial(reading.altered_after, sequence=sequence, limit=limit))

    async def accept_altered(self, altered: Sequence[Altered]) -> None:
        """See RecordStore."""
        await self._read(partial(reading.accept, altered=altered), self._others)

    async def acknowledge(self, record_ids: Iterable[str]) -> None:
        """See RecordStore."""
        self._require_open()
        await self._submit(Call((), self._clock(), tuple(record_ids)))

    async def acknowledged(self, record_ids: Collection[str]) -> set[str]:
        """See RecordStore."""
        return await self._read(partial(reading.acknowledged, record_ids=record_ids))

    async def accept_loss(self) -> Hold:
        """See RecordStore."""
        self._require_open()
        hold = self.hold
        if hold is None:
            raise not_held()
        self.hold = None
        self._remember()
        return hold

    @property
    def place(self) -> str:
        """See RecordStore."""
        return self.address.shown

    @property
    def replaced(self) -> StoreError | None:
        """Set once another process appends, or the log has lost what it had confirmed: nothing is written."""
        return self._writer.stopped

    @property
    def unsettled(self) -> StoreError | None:
        """See RecordStore."""
        if self._writer.unsettled is None:
            return None
        return StoreUnreachable(f"{self.address.shown} does not answer: nothing was written")

    @property
    def unreachable(self) -> StoreError | None:
        """See RecordStore."""
        return self._lease.problem or self.unsettled

    @property
    def count(self) -> int:
        """See RecordStore. The log has no gaps, so the last sequence is the count."""
        return self._group.last_sequence

    @property
    def last_sequence(self) -> int:
        """See RecordStore."""
        return self._group.last_sequence

    @property
    def commits(self) -> int:
        """How many commits the appends since opening took: fewer than appends, when they share."""
        return self._group.commits

    @property
    def log_id(self) -> str:
        """The log's id, which stays with it."""
        return self._opened.log_id

    async def size_bytes(self) -> int:
        """See RecordStore. The last known size while the database does not answer."""
        with contextlib.suppress(StoreError, Unavailable):
            self._size_bytes = await self._read(reading.size_bytes)
        return self._size_bytes

    async def checkpoint(self) -> None:
        """See RecordStore: the database has its own; this home remembers what was confirmed."""
        self._require_open()
        await asyncio.to_thread(self._remember)

    async def close(self) -> None:
        """See RecordStore."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="store-close")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        asyncio.get_running_loop().call_later(PATIENCE_SECS, self._writer.give_up)
        await self._group.finish()
        await self._lease.release()
        self._remember()
        await asyncio.to_thread(self._at_once.close)
        others = (self._walker, self._others, *self._readers)
        try:
            await asyncio.gather(self._writer.close(), *(one.close() for one in others))
        finally:
            if self._lock is not None:
                self._lock.release()

    def _remember(self) -> None:
        if self._known is not None and self.hold is None:
            self._known.write(self._opened.log_id, self._writer.mark)

    async def _look_up(self, records: Sequence[Record]) -> tuple[Known, set[int]]:
        return await self._read(partial(reading.look_up, records=records))

    async def _submit(self, call: Call, settled: Settled | None = None) -> list[Outcome]:
        if (unsettled := self.unsettled) is not None:
            raise unsettled
        return await self._group.submit(call, settled)

    async def _read(self, job: Callable[[Log], _Result], reader: Connection | None = None) -> _Result:
        self._require_open()
        connection = reader or next(self._next_reader)

        def whole(session: Session) -> _Result:
            try:
                return job(session.log)
            except psycopg.Error as error:
                if session.is_usable:
                    raise
                raise _Stale from error

        try:
            try:
                return await connection.run(whole, READ_SECS)
            except _Stale:  # the server had ended an idle connection
                return await connection.run(lambda session: job(session.log), READ_SECS)
        except psycopg.Error as error:
            raise explain(error, self.address) from error

    def _require_open(self) -> None:
        if self._closing is not None:
            raise Unavailable("the store is closed", "start the daemon again")


def _rules(call: Call) -> bool:
    """Whether a call has ruling records: what others judged before it must not be behind it unseen."""
    return any(isinstance(record, Record) and rules(record) for record in call.records)


class _Stale(Exception):
    """A connection was lost: a new one may answer."""


def _open(
    address: Address,
    holder: Holder,
    remembered: tuple[str, Mark] | None,
    waiting: Callable[[str], None],
) -> Opened:
    """Bring the tables up to date, and become the process that appends. Raises psycopg.Error, StoreError."""
    session = Session(address, writes=True)
    try:
        migrate(session.log)
        head = take(session, address, holder, waiting)
        wanted = 0 if remembered is None else remembered[1].sequence
        row: Any = session.log.execute(
            "SELECT log_id::text, coalesce((SELECT encode(id, 'hex') FROM syncropel.records"
            " WHERE sequence = %s), ''), coalesce((SELECT encode(id, 'hex') FROM syncropel.records"
            " WHERE sequence = %s), '') FROM syncropel.log_head",
            (wanted, head.last),
        ).fetchone()
        log_id, there, newest = row
        hold = hold_against(remembered, log_id, there, head.last, address)
        mark = Mark(head.last, newest)
        return Opened(log_id, head, mark, hold, reading.size_bytes(session.log))
    finally:
        session.close()
