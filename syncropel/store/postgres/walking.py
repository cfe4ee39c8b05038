"""Walks over a log in PostgreSQL: a few records a statement, so that a walk ends soon after it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, LiteralString

from syncropel.record.model import StoredRecord
from syncropel.store.postgres.connection import Log
from syncropel.store.postgres.reading import SELECT, rows
from syncropel.store.postgres.rows import held, storable
from syncropel.store.walks import Asked, Visit, Walk, visit_all

WINDOW: Final = 500
"""Records that one statement goes through, wanted or not."""
_COLUMNS: Final[dict[str, LiteralString]] = {
    "thread": "thread",
    "actor": "actor",
    "act": "act",
    "topic": "topic",
    "data_type": "data_type",
}


def window(log: Log, walk: Walk, visit: Visit, over: Asked) -> tuple[Walk | None, bool]:
    """Go on with a walk by one statement; return what is left of it, and whether all was shown.
    `walk.until` is a sequence of the log, or below its first.
    """
    if walk.thread is not None and not storable(walk.thread):
        return None, True
    if walk.thread is None:
        return _window_of_log(log, walk, visit, over)
    where, values = _ahead(walk)
    direction: LiteralString = " DESC" if walk.descending else ""
    if walk.by_clock:
        statement = f"{SELECT} WHERE {where} ORDER BY clock{direction}, sequence LIMIT {WINDOW}"
    else:
        # The index of clocks has every sequence of the thread, and is much smaller than the records. The sum
        # keeps the planner from walking through the whole log in order of sequence instead.
        chosen = f"SELECT sequence FROM syncropel.records WHERE {where} ORDER BY sequence + 0{direction}"
        statement = f"{SELECT} WHERE sequence IN ({chosen} LIMIT {WINDOW}) ORDER BY sequence{direction}"
    found = rows(log, statement, values)
    rest, whole = visit_all(walk, found, visit, over)
    return (None if whole and len(found) < WINDOW else rest), whole


def length(log: Log, walk: Walk) -> int:
    """How many records of its thread a walk has ahead."""
    if not storable(walk.thread):
        return 0
    where, values = _ahead(walk)
    row = log.execute(f"SELECT count(*) FROM syncropel.records WHERE {where}", values).fetchone()
    assert row is not None
    return int(row[0])


def at(log: Log, sequences: Sequence[int]) -> list[StoredRecord]:
    """The records at these sequences, in order of sequence."""
    wanted = [one for one in sequences if -(2**63) <= one < 2**63]
    return rows(log, f"{SELECT} WHERE sequence = ANY(%s::bigint[]) ORDER BY sequence", (wanted,))


def _window_of_log(log: Log, walk: Walk, visit: Visit, over: Asked) -> tuple[Walk | None, bool]:
    """A part of the log, of which only wanted records are sent."""
    if walk.descending:
        part = replace(walk, after=max(walk.after, walk.until - WINDOW))
        left = replace(walk, until=part.after)
    else:
        part = replace(walk, until=min(walk.until, walk.after + WINDOW))
        left = replace(walk, after=part.until)
    where, values = _ahead(part)
    needed = walk.needed
    findable = storable(*(text for _, text in needed.columns), *needed.texts)
    if not findable or any("\0" in text for text in needed.texts):
        return (left if left.after < left.until else None), True  # no record has such a text
    for column, text in needed.columns:
        name: LiteralString = "encode(id, 'hex')" if column == "id" else _COLUMNS[column]
        where, values = f"{where} AND {name} = %s", [*values, held(text)]
    for text in needed.texts:
        where, values = f"{where} AND strpos(body, %s) > 0", [*values, text]
    if needed.without is not None and storable(needed.without):
        where, values = f"{where} AND thread <> %s", [*values, held(needed.without)]
    direction: LiteralString = " DESC" if walk.descending else ""
    found = rows(log, f"{SELECT} WHERE {where} ORDER BY sequence{direction}", values)
    rest, whole = visit_all(walk, found, visit, over)
    if not whole:
        return rest, False
    return (left if left.after < left.until else None), True


def _ahead(walk: Walk) -> tuple[LiteralString, list[Any]]:
    """The condition for what is left of a walk, and its values."""
    where: LiteralString = "sequence > %s AND sequence <= %s"
    values: list[Any] = [walk.after, walk.until]
    if walk.thread is not None:
        where, values = f"{where} AND thread = %s", [*values, held(walk.thread)]
    if walk.past is not None:
        clock, sequence = walk.past
        sign: LiteralString = "<" if walk.descending else ">"
        where = f"{where} AND clock {sign}= %s AND (clock {sign} %s OR sequence > %s)"
        values = [*values, clock, clock, sequence]
    return where, values
