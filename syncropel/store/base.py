"""The interface of record stores, whichever database is behind it. Nothing above this layer knows SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from syncropel.errors import StoreError, SyncropelError
from syncropel.record.model import Record, StoredRecord
from syncropel.store.walks import Asked, Visit, Walk


@dataclass(frozen=True, slots=True)
class Appended:
    """A record that is durably in the log. `created` is False when it was already there."""

    stored: StoredRecord
    created: bool


class Judged(NamedTuple):
    """What the judge of some records had taken in: the term in force, and as `ruled` the sequence of the
    newest ruling record (one on a thread of `record.threads.RULING`), 0 for none.
    """

    term: int
    ruled: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with what the store noted at its append. Neither is hashed, nor moves to another log with it.

    `term`: the one in force then; 0 in the part of a log that an earlier release wrote. `ruled`: as its judge
    said (`Judged`); None where nobody judged it here: restored history, and what an earlier release wrote.
    """

    stored: StoredRecord
    term: int
    ruled: int | None


Outcome = Appended | SyncropelError
"""The outcome for one record: it is in the log, or why not (IngestFailed; InvalidRecord if it has no id)."""

Keep = Callable[[list[Outcome]], bool]
"""Whether records with these outcomes are to be written."""

Arrived = Callable[[list[StoredRecord]], None]
"""Called with the new records of one commit, on the event loop and in log order."""

Settled = Callable[[list[Outcome]], None]
"""Called with an append's outcomes before its caller is."""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records to list. All given conditions must hold; None means any.

    `since` is exclusive: a clock when `thread` is given, otherwise a sequence. Order: by (clock, sequence)
    within a thread, otherwise by sequence. `limit` is the most that are returned. Without a thread the log is
    scanned from `since` on, so a rare actor, act, or topic costs as much as the records in between: where
    that could be long, use a walk. `without`: a thread whose records are omitted.
    """

    thread: str | None = None
    actor: str | None = None
    act: str | None = None
    topic: str | None = None
    since: int | None = None
    limit: int = 100
    without: str | None = None

    def fits(self, stored: StoredRecord) -> bool:
        """Whether a record meets all conditions but `limit`."""
        record = stored.record
        cursor = stored.sequence if self.thread is None else record.clock
        return (
            self.thread in (None, record.thread)
            and self.actor in (None, record.actor)
            and self.act in (None, record.act)
            and self.topic in (None, record.topic)
            and record.thread != self.without
            and (self.since is None or (cursor or 0) > self.since)
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a readable log accepts nothing but freezes: what is wrong with it, and what to do."""

    told: str
    hint: str


@dataclass(frozen=True, slots=True)
class Altered:
    """A record that does not hash to its id. `found`: the hash of its content, or why it has none."""

    sequence: int
    id: str
    thread: str
    found: str


class RecordStore(Protocol):
    """A durable, append-only, content-addressed log.

    Sequences begin at 1 and have no gaps. Once the store is closed every read and write raises
    Unavailable; when the disk cannot be read or written they raise StoreError, or StoreCorrupt for damage.
    """

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        """Append in order, in one commit that concurrent callers may share; returns once it is durable.

        `judged`: what the judge of these records had taken in; None when nobody judged them. Under the lock
        of the commit it is compared with the log. When a ruling record has come since, or a higher term,
        raises Moved, and nothing of the call is written. A call's ruling records come last in it, each
        counting as taken in by those behind it; raises Moved for a call in which anything else follows one.

        A record without a clock gets 1 + the highest clock on its thread (0 on a new thread); clocks above
        the ceiling (`threads.clock_ceiling`) do not count, and on a reserved thread it is at least the time
        in ms. A record that
        is in the log already, or came earlier in the same call, is answered with `created=False`. The same
        (actor, thread, clock) with another content is refused with IngestFailed, message beginning
        `DuplicateClock`; the other records of the call are not affected. Raises StoreError when the disk
        refuses the commit: then nothing of the call is in the log.

        `settled` is called once, on the event loop and in the order of the log, with what this returns (with
        nothing when the commit failed): also when the caller was cancelled while it waited, for what is
        queued is written all the same. An error in it is logged and goes no further.
        """
        ...

    async def restore(
        self, records: Sequence[tuple[Record, float]], keep: Keep, arrived: Arrived
    ) -> list[Outcome]:
        """Append records of another log in order, all with their clocks: all or none.

        Each comes with the time when that log took it, which becomes its `received_at`; its `ruled` is None.
        Nobody changes the records afterwards. `keep` is given the outcomes, those of `append` but without
        sequences, before anything is written; it runs on any thread, and unless it says True nothing is. Then
        the records go in by small commits, so that other appends pass between them; after a crash all of them
        are in the log once it is opened again. The caller keeps others from appending to these threads, and
        restores one call at a time. Raises StoreError when the disk refuses.
        """
        ...

    async def get(self, record_id: str) -> StoredRecord | None:
        """The record with this id, or None."""
        ...

    async def query(self, wanted: RecordFilter) -> list[StoredRecord]:
        """Records that match, in the order that RecordFilter states."""
        ...

    def scan(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[StoredRecord]]:
        """All records with a sequence above `after`, by sequence, in lists of at most `chunk`."""
        ...

    def entries(self, after: int = 0, chunk: int = 1000) -> AsyncIterator[list[Entry]]:
        """As `scan`, with what was noted when they were appended."""
        ...

    async def thread(self, thread: str) -> list[StoredRecord]:
        """Every record of one thread, by (clock, sequence)."""
        ...

    def thread_through(self, thread: str, sequence: int) -> list[StoredRecord]:
        """The records of one thread up to this sequence, by sequence, at once: for folds, which are loaded
        while they are asked for. It may be called on any thread.
        """
        ...

    async def walk(self, walk: Walk, visit: Visit, over: Asked, halted: Asked) -> Walk | None:
        """Show the records of a walk to `visit`, one after the other, on another thread; return what is left
        of the walk, or None at its end.

        It stops after a record for which `visit` says no, and soon after `over` or `halted` says yes. Unless
        it is halted, it looks at one record or more. While it goes on it delays no append and no other read.
        """
        ...

    async def length(self, walk: Walk) -> int:
        """How many records a walk has ahead of it, whatever it needs of them."""
        ...

    async def at(self, sequences: Sequence[int]) -> list[StoredRecord]:
        """The records at these sequences, in order of sequence. One that does not exist is omitted."""
        ...

    async def altered_after(self, sequence: int, limit: int) -> tuple[int, list[Altered]]:
        """Check the next `limit` records after a sequence against their ids; return the last sequence that
        was examined (the given one when none follows it), and the altered ones that no operator has accepted.
        """
        ...

    async def accept_altered(self, altered: Sequence[Altered]) -> None:
        """Accept these records in their current form, for good."""
        ...

    async def acknowledge(self, record_ids: Iterable[str]) -> None:
        """Remember that the coordinator has accepted these results. A cache: losing it only resends them."""
        ...

    async def acknowledged(self, record_ids: Collection[str]) -> set[str]:
        """Those of these ids that were given to `acknowledge`."""
        ...

    @property
    def place(self) -> str:
        """Where the log is, for people: a file, or a URL without its password; empty in memory."""
        ...

    @property
    def beside(self) -> Path | None:
        """The path beside which the views of the log are; None for a store in memory."""
        ...

    @property
    def hold(self) -> Hold | None:
        """Why the log is held: known records are missing. None when it accepts records.

        While it is held an append raises StoreHeld, unless all its records are control records.
        """
        ...

    @property
    def replaced(self) -> StoreError | None:
        """Set once somebody has removed or replaced the store's files: nothing is written any more."""
        ...

    @property
    def unsettled(self) -> StoreError | None:
        """Why nothing can be written just now: it is not known what became of an append before. None when
        there is no such thing. It ends by itself.
        """
        ...

    @property
    def unreachable(self) -> StoreError | None:
        """Why the database that has the log did not answer lately; None when it does, or there is none."""
        ...

    async def accept_loss(self) -> Hold:
        """Accept the log in its current form; return why it was held. Raises Conflict when it was not."""
        ...

    @property
    def count(self) -> int:
        """How many records the log has."""
        ...

    @property
    def last_sequence(self) -> int:
        """The highest sequence, 0 when empty."""
        ...

    async def size_bytes(self) -> int:
        """Bytes on disk, write-ahead log included; 0 for a store in memory."""
        ...

    async def checkpoint(self) -> None:
        """Move the write-ahead log into the main file."""
        ...

    async def close(self) -> None:
        """Finish what is queued, checkpoint, and close the file. Safe to call twice."""
        ...
