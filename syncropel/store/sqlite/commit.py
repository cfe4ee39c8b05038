"""One group of appends in one transaction: runs as a whole on the writer's thread, without asyncio.

It uses few statements with many rows, rather than many small ones: each statement releases the interpreter's
lock, and a busy event loop can take milliseconds to give it back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import Final

from syncropel.errors import SyncropelError
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RULING, clock_ceiling
from syncropel.store.base import Appended, Judged, Outcome
from syncropel.store.calls import Call, Clocks, Committed, unplaced
from syncropel.store.head import Head
from syncropel.store.intake import as_stored, clock_taken
from syncropel.store.refusals import Moved
from syncropel.store.sqlite.rows import to_row

_INTO: Final = (
    "INSERT OR IGNORE INTO records"
    " (id, thread, clock, actor, act, topic, data_type, judged_by, parents, body, received_at, term, ruled)"
    " VALUES "
)
_PLACES: Final = "(?,?,?,?,?,?,?,?,?,?,?,?,?)"
_FEW: Final = 32
_MANY: Final = (128, 64, _FEW)
_INSERTS: Final = {step: f"{_INTO}{','.join([_PLACES] * step)}" for step in (*range(1, _FEW + 1), *_MANY)}
"""By number of rows; up to 32 of them take one statement. With OR IGNORE no row can end the statement, so
SQLite keeps no statement journal: for that it would copy each page of the index over random ids
(https://www.sqlite.org/tempfiles.html, section 2.5). ON CONFLICT DO NOTHING keeps one.
"""
INSERT: Final = _INSERTS[1]
"""Inserts one row, unless its record exists or its clock is taken."""
_HIGHEST_CLOCKS: Final = """
    SELECT key, (SELECT max(clock) FROM records WHERE thread = key AND clock <= value) FROM json_each(?)
"""


Arrived = tuple[Record, float, int, int | None]
"""A record with its clock and id; when it came, its term, and its `ruled`."""


def commit(connection: sqlite3.Connection, calls: Sequence[Call], head: Head) -> Committed:
    """Write all `calls` in one transaction, in order; durable on return. `head`: of the log before it.

    Raises sqlite3.Error when the disk or a lock refuses; then nothing of the group is in the log.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        committed = _write(connection, calls, head)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors, a full disk among them, have already rolled back
            connection.execute("ROLLBACK")
        raise
    return committed


def _write(connection: sqlite3.Connection, calls: Sequence[Call], head: Head) -> Committed:
    clocks = Clocks(_highest_clocks(connection, calls))
    batch = _Batch(connection, head)
    answers: list[list[Record | SyncropelError] | Moved] = []
    for call in calls:
        if batch.is_of_another_term(call.judged):
            batch.write()
        if (moved := batch.head.moved(call.records, call.judged)) is not None:
            answers.append(moved)
            continue
        placed = [clocks.place(record, call.received_at) for record in call.records]
        answers.append(placed)
        batch.add(placed, call)
    batch.write()
    results = iter(batch.results)
    outcomes: list[list[Outcome] | Moved] = [
        answer
        if isinstance(answer, Moved)
        else [next(results) if isinstance(record, Record) else record for record in answer]
        for answer in answers
    ]
    acknowledged = [(record_id,) for call in calls for record_id in call.acknowledged]
    if acknowledged:
        connection.executemany("INSERT OR IGNORE INTO acknowledged VALUES (?)", acknowledged)
    added = [one.stored.record.id for one in batch.results if isinstance(one, Appended) and one.created]
    return Committed(outcomes, batch.head, added)


class _Batch:
    """Records of a commit that are inserted together: until one of them changes what the head says of those
    behind it, but for the sequence.
    """

    def __init__(self, connection: sqlite3.Connection, head: Head) -> None:
        self._connection = connection
        self._waiting: list[Arrived] = []
        self.head = head
        self.results: list[Outcome] = []

    def is_of_another_term(self, judged: Judged | None) -> bool:
        """Whether what waits may have another term than records that were judged so."""
        return bool(self._waiting) and (judged is None or judged.term != self._waiting[-1][2])

    def add(self, placed: Sequence[Record | SyncropelError], call: Call) -> None:
        term, ruled = self.head.noted(call.judged)
        for record, received_at in zip(placed, call.times or repeat(call.received_at), strict=False):
            if isinstance(record, Record):
                self._waiting.append((record, received_at, term, ruled))
                if record.thread in RULING:
                    self.write()
                    term, ruled = self.head.noted(call.judged)

    def write(self) -> None:
        """Insert what waits."""
        if self._waiting:
            results = insert(self._connection, self._waiting, self.head.last)
            self.head = self.head.then(results, self._waiting[-1][2])
            self.results += results
            self._waiting = []


def _highest_clocks(connection: sqlite3.Connection, calls: Sequence[Call]) -> dict[str, int | None]:
    """The highest valid clock of each thread on which a record waits for one; None on a new thread."""
    threads = unplaced(calls)
    if not threads:
        return {}
    ceilings = json.dumps({thread: clock_ceiling(thread) for thread in threads}, ensure_ascii=False)
    return dict(connection.execute(_HIGHEST_CLOCKS, (ceilings,)).fetchall())


def insert(connection: sqlite3.Connection, arrived: Sequence[Arrived], last: int) -> list[Outcome]:
    """Insert records that have their clocks and ids; return the outcome of each. `last`: the log's last
    sequence.
    """
    results: list[Outcome] = []
    rest = iter(arrived)
    remaining = len(arrived)
    while remaining:
        step = remaining if remaining <= _FEW else next(step for step in _MANY if step <= remaining)
        remaining -= step
        chunk = list(islice(rest, step))
        values: list[str | int | float | None] = []
        for record, received_at, term, ruled in chunk:
            values += to_row(record, received_at)
            values += term, ruled
        added = connection.execute(_INSERTS[step], values).rowcount
        if added == step:
            results += [
                Appended(StoredRecord(record, sequence, received_at), True)
                for sequence, (record, received_at, *_) in enumerate(chunk, last + 1)
            ]
        else:
            results += _look_up(connection, chunk, last)
        last += added
    return results


def _look_up(connection: sqlite3.Connection, chunk: Sequence[Arrived], before: int) -> Iterator[Outcome]:
    """The outcome of each record of a chunk that is not entirely new; those after `before` are new."""
    claimed: set[str] = set()
    for record, *_ in chunk:
        row = connection.execute(
            "SELECT sequence, received_at, judged_by FROM records WHERE id = ?", (record.id,)
        ).fetchone()
        if row is None:
            yield clock_taken(record)
            continue
        sequence, received_at, judged_by = row
        created = sequence > before and record.id not in claimed
        claimed.add(record.id)
        yield Appended(StoredRecord(as_stored(record, judged_by), sequence, received_at), created)
