"""Restores into a log: determines the outcome for each record first, then writes small commits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from syncropel.errors import StoreError
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Appended, Arrived, Keep, Outcome, Settled
from syncropel.store.calls import Call
from syncropel.store.intake import as_stored, clock_taken

log = logging.getLogger(__name__)

Timed = tuple[Record, float]
Known = dict[str, tuple[int, float, str | None]]
"""By id: sequence, received_at, and judged_by of records that the log has."""

LOOK: Final = 1000
"""Records looked up at once."""
STEP: Final = 256
"""Records per commit: concurrent appends wait no longer than for this many."""

LookUp = Callable[[Sequence[Record]], Awaitable[tuple[Known, set[int]]]]
"""Which of these the log has, and at which indexes a clock is taken, even by the same record."""
Submit = Callable[[Call, Settled | None], Awaitable[list[Outcome]]]


class Journal(Protocol):
    """What keeps the promise of a restore when the daemon ends in the middle of it."""

    async def promise(self, records: Sequence[Timed]) -> None:
        """Keep these, durably. Raises StoreError; then nothing is promised."""
        ...

    async def fulfilled(self) -> None:
        """All is in the log."""
        ...


async def restore(
    records: Sequence[Timed],
    keep: Keep,
    arrived: Arrived,
    journal: Journal,
    look_up: LookUp,
    submit: Submit,
) -> list[Outcome]:
    """See RecordStore."""
    outcomes = await _foresee(records, look_up)
    if not await asyncio.to_thread(keep, outcomes):
        return outcomes
    fresh = [at for at, one in enumerate(outcomes) if isinstance(one, Appended) and one.created]
    if not fresh:
        return outcomes
    await journal.promise([records[at] for at in fresh])

    def settled(done: list[Outcome]) -> None:
        arrived([one.stored for one in done if isinstance(one, Appended) and one.created])

    try:
        for start in range(0, len(fresh), STEP):
            step = fresh[start : start + STEP]
            times = tuple(records[at][1] for at in step)
            done = await submit(Call([records[at][0] for at in step], 0.0, times=times), settled)
            for at, outcome in zip(step, done, strict=True):
                if not isinstance(outcome, Appended):
                    log.error("a restored record was refused after all: %s", outcome.message)
                outcomes[at] = outcome
    except StoreError as error:
        raise StoreError(
            f"{error.message}; part of what was restored is in the log",
            f"{error.hint}; the rest goes in when the daemon starts again",
        ) from error
    await journal.fulfilled()
    return outcomes


async def _foresee(records: Sequence[Timed], look_up: LookUp) -> list[Outcome]:
    """The outcome for each record, if all were appended now."""
    outcomes: list[Outcome] = []
    claimed: set[str] = set()
    places: set[tuple[str, int | None, str]] = set()
    for start in range(0, len(records), LOOK):
        chunk = records[start : start + LOOK]
        known, taken = await look_up([record for record, _ in chunk])
        outcomes += await asyncio.to_thread(_judge, chunk, known, taken, claimed, places)
    return outcomes


def _judge(
    chunk: Sequence[Timed],
    known: Known,
    taken: set[int],
    claimed: set[str],
    places: set[tuple[str, int | None, str]],
) -> list[Outcome]:
    """The outcome for each record of a chunk. `claimed, places`: ids and clocks of those before it."""
    outcomes: list[Outcome] = []
    for at, (record, received_at) in enumerate(chunk):
        place = (record.thread, record.clock, record.actor)
        if (row := known.get(record.id)) is not None:
            sequence, first_received_at, judged_by = row
            stored = StoredRecord(as_stored(record, judged_by), sequence, first_received_at)
            outcomes.append(Appended(stored, False))
        elif record.id in claimed:
            outcomes.append(Appended(StoredRecord(record, 0, received_at), False))
        elif at in taken or place in places:
            outcomes.append(clock_taken(record))
        else:
            claimed.add(record.id)
            places.add(place)
            outcomes.append(Appended(StoredRecord(record, 0, received_at), True))
    return outcomes
