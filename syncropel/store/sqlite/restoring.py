"""Restores into a SQLite log: determines the outcome for each record first, then writes small commits."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from syncropel.errors import StoreError
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Appended, Arrived, Keep, Outcome, Settled
from syncropel.store.intake import as_stored, clock_taken
from syncropel.store.sqlite.commit import Call
from syncropel.store.sqlite.restore_journal import RestoreJournal

log = logging.getLogger(__name__)

Timed = tuple[Record, float]
Known = dict[str, tuple[int, float, str | None]]
"""By id: sequence, received_at, and judged_by of records that the log has."""

_LOOK: Final = 1000
"""Records looked up at once."""
_STEP: Final = 256
"""Records per commit: concurrent appends wait no longer than for this many."""
_IN_LOG: Final = """
    SELECT id, sequence, received_at, judged_by FROM records WHERE id IN (SELECT value FROM json_each(?))
"""
_TAKEN: Final = """
    SELECT wanted.key FROM json_each(?) AS wanted CROSS JOIN records
    WHERE thread = json_extract(wanted.value, '$[0]') AND clock = json_extract(wanted.value, '$[1]')
        AND actor = json_extract(wanted.value, '$[2]')
"""


class Read(Protocol):
    """Runs a whole function on a reading connection's thread."""

    def __call__(self, job: Callable[[sqlite3.Connection], Any], /) -> Awaitable[Any]: ...


Submit = Callable[[Call, Settled | None], Awaitable[list[Outcome]]]


async def restore(
    records: Sequence[Timed],
    keep: Keep,
    arrived: Arrived,
    journal: RestoreJournal,
    read: Read,
    submit: Submit,
) -> list[Outcome]:
    """See RecordStore."""
    outcomes = await _foresee(records, read)
    if not await asyncio.to_thread(keep, outcomes):
        return outcomes
    fresh = [at for at, one in enumerate(outcomes) if isinstance(one, Appended) and one.created]
    if not fresh:
        return outcomes
    await asyncio.to_thread(journal.promise, [records[at] for at in fresh])

    def settled(done: list[Outcome]) -> None:
        arrived([one.stored for one in done if isinstance(one, Appended) and one.created])

    try:
        for start in range(0, len(fresh), _STEP):
            step = fresh[start : start + _STEP]
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
    await asyncio.to_thread(journal.fulfilled)
    return outcomes


async def _foresee(records: Sequence[Timed], read: Read) -> list[Outcome]:
    """The outcome for each record, if all were appended now."""
    outcomes: list[Outcome] = []
    claimed: set[str] = set()
    places: set[tuple[str, int | None, str]] = set()
    for start in range(0, len(records), _LOOK):
        chunk = records[start : start + _LOOK]
        known, taken = await read(partial(_look_up, records=[record for record, _ in chunk]))
        outcomes += await asyncio.to_thread(_judge, chunk, known, taken, claimed, places)
    return outcomes


def _look_up(connection: sqlite3.Connection, records: Sequence[Record]) -> tuple[Known, set[int]]:
    """Which of these the log has, and at which indexes a clock is taken, even by the same record."""
    ids = json.dumps([record.id for record in records])
    places = json.dumps([(record.thread, record.clock, record.actor) for record in records])
    known = {row[0]: tuple(row[1:]) for row in connection.execute(_IN_LOG, (ids,))}
    return known, {row[0] for row in connection.execute(_TAKEN, (places,))}


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
