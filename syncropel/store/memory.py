"""The record log in memory: for tests, and for bundles that are opened without a daemon."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from syncropel.errors import Conflict, StoreError, SyncropelError, Unavailable
from syncropel.record.canonical import parse_own
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import clock_ceiling
from syncropel.store.base import (
    Altered,
    Appended,
    Arrived,
    Entry,
    Hold,
    Judged,
    Keep,
    Outcome,
    RecordFilter,
    Settled,
)
from syncropel.store.head import Head
from syncropel.store.intake import assigned, clock_taken, not_held, taken_in, tell
from syncropel.store.walks import Asked, Visit, Walk, visit_all

_WINDOW: Final = 1000
"""Records of a walk that are taken out of the log at once; what is appended meanwhile disturbs nobody."""


class MemoryStore:
    """A RecordStore without persistence. `clock` gives unix seconds for `received_at`."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._log: list[StoredRecord] = []
        self._noted: list[tuple[int, int | None]] = []
        self._head = Head()
        self._by_id: dict[str, StoredRecord] = {}
        self._threads: dict[str, list[StoredRecord]] = {}
        self._taken: set[tuple[str, str, int | None]] = set()
        self._highest: dict[str, int] = {}
        self._acknowledged: set[str] = set()
        self._closed = False

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        """See RecordStore. Raises Unavailable once the store is closed."""
        self._require_open()
        received_at = self._clock()
        # Callers may change their bodies later; the log must not change with them.
        taken = [
            replace(record, body=parse_own(record.body_json)) if isinstance(record, Record) else record
            for record in taken_in(records)
        ]
        if (moved := self._head.moved(taken, judged)) is not None:
            tell(settled, [])
            raise moved
        outcomes = [self._append(record, received_at, judged) for record in taken]
        tell(settled, outcomes)
        return outcomes

    def _append(
        self, record: Record | SyncropelError, received_at: float, judged: Judged | None = None
    ) -> Outcome:
        if isinstance(record, SyncropelError):
            return record
        highest = self._highest.get(record.thread, -1)
        if record.clock is None:
            record = assigned(record, highest, received_at)
            if isinstance(record, SyncropelError):
                return record
        if known := self._by_id.get(record.id):
            return Appended(known, False)
        place = (record.thread, record.actor, record.clock)
        if place in self._taken:
            return clock_taken(record)
        stored = StoredRecord(record, len(self._log) + 1, received_at)
        self._log.append(stored)
        self._by_id[record.id] = stored
        self._threads.setdefault(record.thread, []).append(stored)
        self._taken.add(place)
        if _clock_of(stored) <= clock_ceiling(record.thread):
            self._highest[record.thread] = max(highest, _clock_of(stored))
        self._noted.append(self._head.noted(judged))
        appended = Appended(stored, True)
        self._head = self._head.then([appended], self._noted[-1][0])
        return appended

    async def restore(
        self, records: Sequence[tuple[Record, float]], keep: Keep, arrived: Arrived
    ) -> list[Outcome]:
        """See RecordStore."""
        self._require_open()
        before, head = len(self._log), self._head
        taken = zip(taken_in([record for record, _ in records]), records, strict=True)
        outcomes = [self._append(record, received_at) for record, (_, received_at) in taken]
        if not keep(outcomes):
            self._undo(before)
            self._head = head
        elif fresh := self._log[before:]:
            arrived(fresh)
        return outcomes

    def _undo(self, before: int) -> None:
        """Remove whatever came after the first `before` records."""
        for stored in reversed(self._log[before:]):
            record = stored.record
            del self._by_id[record.id]
            self._taken.remove((record.thread, record.actor, record.clock))
            thread = self._threads[record.thread]
            thread.pop()
            self._highest[record.thread] = _highest(record.thread, thread)
            if not thread:
                del self._threads[record.thread], self._highest[record.thread]
        del self._log[before:], self._noted[before:]

    async def get(self, record_id: str) -> StoredRecord | None:
        """See RecordStore."""
        self._require_open()
        return self._by_id.get(record_id)

    async def query(self, wanted: RecordFilter) -> list[StoredRecord]:
        """See RecordStore."""
        self._require_open()
        if wanted.thread is None:
            candidates: Iterable[StoredRecord] = islice(self._log, max(wanted.since or 0, 0), None)
        else:
            candidates = await self.thread(wanted.thread)
        found = (stored for stored in candidates if wanted.fits(stored))
        return list(islice(found, max(wanted.limit, 0)))

    async def scan(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[StoredRecord]]:
        """See RecordStore."""
        self._require_open()
        while found := self._log[after : after + chunk]:
            yield found
            after = found[-1].sequence

    async def entries(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[Entry]]:
        """See RecordStore."""
        async for found in self.scan(after, chunk):
            yield [Entry(stored, *self._noted[stored.sequence - 1]) for stored in found]

    async def thread(self, thread: str) -> list[StoredRecord]:
        """See RecordStore."""
        self._require_open()
        return sorted(self._threads.get(thread, ()), key=lambda stored: (_clock_of(stored), stored.sequence))

    def thread_through(self, thread: str, sequence: int) -> list[StoredRecord]:
        """See RecordStore."""
        self._require_open()
        return [stored for stored in self._threads.get(thread, ()) if stored.sequence <= sequence]

    async def walk(self, walk: Walk, visit: Visit, over: Asked, halted: Asked) -> Walk | None:
        """See RecordStore."""
        rest: Walk | None = walk
        while rest is not None and not halted():
            records = self._ahead(rest)
            some = records[:_WINDOW]
            if not some:
                return None
            rest, whole = await asyncio.to_thread(visit_all, rest, some, visit, over)
            if not whole or over():
                break
            if len(some) == len(records):
                return None
        return rest

    async def length(self, walk: Walk) -> int:
        """See RecordStore."""
        return len(self._ahead(walk))

    async def at(self, sequences: Sequence[int]) -> list[StoredRecord]:
        """See RecordStore."""
        self._require_open()
        return [self._log[one - 1] for one in sorted(set(sequences)) if 0 < one <= len(self._log)]

    def _ahead(self, walk: Walk) -> list[StoredRecord]:
        """What is left of a walk, in its order."""
        self._require_open()
        if walk.thread is None:
            ahead = self._log[max(walk.after, 0) : max(walk.until, 0)]
        else:
            whole = self._threads.get(walk.thread, [])
            first = bisect_right(whole, walk.after, key=lambda stored: stored.sequence)
            ahead = whole[first : bisect_right(whole, walk.until, key=lambda stored: stored.sequence)]
        if not walk.by_clock:
            return ahead[::-1] if walk.descending else ahead
        sign = -1 if walk.descending else 1
        ahead = sorted(ahead, key=lambda stored: (sign * _clock_of(stored), stored.sequence))
        if walk.past is None:
            return ahead
        clock, sequence = walk.past
        place = (sign * clock, sequence)
        return ahead[
            bisect_right(ahead, place, key=lambda stored: (sign * _clock_of(stored), stored.sequence)) :
        ]

    async def altered_after(self, sequence: int, limit: int) -> tuple[int, list[Altered]]:
        """See RecordStore: nobody else can reach this process's memory."""
        return min(max(sequence, 0) + limit, max(sequence, len(self._log))), []

    async def accept_altered(self, altered: Sequence[Altered]) -> None:
        """See RecordStore."""
        raise Conflict("no record was altered", "see: spl store status")

    async def acknowledge(self, record_ids: Iterable[str]) -> None:
        """See RecordStore."""
        self._require_open()
        self._acknowledged.update(record_ids)

    async def acknowledged(self, record_ids: Collection[str]) -> set[str]:
        """See RecordStore."""
        self._require_open()
        return self._acknowledged.intersection(record_ids)

    @property
    def place(self) -> str:
        """See RecordStore."""
        return ""

    @property
    def beside(self) -> None:
        """See RecordStore: it has no file."""

    @property
    def hold(self) -> Hold | None:
        """See RecordStore: a log in memory has no earlier state."""
        return None

    @property
    def replaced(self) -> StoreError | None:
        """See RecordStore: there are no files."""
        return None

    @property
    def unsettled(self) -> None:
        """See RecordStore: what became of a commit is known at once."""

    @property
    def unreachable(self) -> None:
        """See RecordStore: there is no database."""

    async def accept_loss(self) -> Hold:
        """See RecordStore."""
        raise not_held()

    @property
    def count(self) -> int:
        """See RecordStore."""
        return len(self._log)

    @property
    def last_sequence(self) -> int:
        """See RecordStore."""
        return len(self._log)

    async def size_bytes(self) -> int:
        """See RecordStore."""
        return 0

    async def checkpoint(self) -> None:
        """See RecordStore: there is nothing to move."""
        self._require_open()

    async def close(self) -> None:
        """See RecordStore."""
        self._closed = True

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed", "start the daemon again")


def _clock_of(stored: StoredRecord) -> int:
    assert stored.record.clock is not None  # every record in the log has one
    return stored.record.clock


def _highest(thread: str, records: Iterable[StoredRecord]) -> int:
    """The highest clock among these that counts, -1 for none."""
    ceiling = clock_ceiling(thread)
    return max((clock for clock in map(_clock_of, records) if clock <= ceiling), default=-1)
