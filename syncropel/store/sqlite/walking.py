"""Walks over a SQLite store: a few records a statement, so that a walk ends soon after it is told to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from syncropel.record.model import StoredRecord
from syncropel.store.sqlite.rows import COLUMNS, from_row
from syncropel.store.walks import Asked, Visit, Walk, visit_all

WINDOW: Final = 1000
"""Records that one statement goes through, wanted or not."""
_THREAD_WINDOW: Final = 5000
"""The same on one thread by sequence: each statement also goes through the thread's part of an index."""
_STEPS: Final = 20_000
"""Steps of SQLite's machine between two questions whether the walk is halted: well below a millisecond."""
_AT_ONCE: Final = 500
"""Sequences in one statement."""

_SELECT: Final = f"SELECT {COLUMNS} FROM records"
_Values = list[str | int]


def walk(connection: sqlite3.Connection, walk: Walk, visit: Visit, over: Asked, halted: Asked) -> Walk | None:
    """See RecordStore. `walk.until` is a sequence of the log, or below its first."""
    connection.set_progress_handler(halted, _STEPS)
    rest: Walk | None = walk
    try:
        while rest is not None and not halted():
            rest, whole = _window(connection, rest, visit, over)
            if not whole or over():
                break
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    finally:
        connection.set_progress_handler(None, 0)
    return rest


def length(connection: sqlite3.Connection, walk: Walk) -> int:
    """How many records of its thread a walk has ahead. The index has all that this needs."""
    where, values = _ahead(walk)
    count: int = connection.execute(f"SELECT count(*) FROM records WHERE {where}", values).fetchone()[0]
    return count


def at(connection: sqlite3.Connection, sequences: list[int]) -> list[StoredRecord]:
    """The records at these sequences, in order of sequence."""
    found: list[StoredRecord] = []
    wanted = sorted(sequences)
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        places = ",".join("?" * len(some))
        rows = connection.execute(f"{_SELECT} WHERE sequence IN ({places}) ORDER BY sequence", some)
        found += map(from_row, rows)
    return found


def _window(
    connection: sqlite3.Connection, walk: Walk, visit: Visit, over: Asked
) -> tuple[Walk | None, bool]:
    if walk.thread is None:
        return _window_of_log(connection, walk, visit, over)
    statement, values, most = _thread_statement(walk)
    shown = 0

    def records() -> Iterator[StoredRecord]:
        nonlocal shown
        for row in connection.execute(statement, values):
            shown += 1
            yield from_row(row)

    rest, whole = visit_all(walk, records(), visit, over)
    return (None if whole and shown < most else rest), whole


def _window_of_log(
    connection: sqlite3.Connection, walk: Walk, visit: Visit, over: Asked
) -> tuple[Walk | None, bool]:
    """A part of the log, of which only wanted records are decoded."""
    if walk.descending:
        window = replace(walk, after=max(walk.after, walk.until - WINDOW))
        left = replace(walk, until=window.after)
    else:
        window = replace(walk, until=min(walk.until, walk.after + WINDOW))
        left = replace(walk, after=window.until)
    where, values = _ahead(window)
    for column, text in walk.needed.columns:
        where, values = f"{where} AND {column} = ?", [*values, text]
    for text in walk.needed.texts:
        where, values = f"{where} AND instr(body, ?)", [*values, text]
    if walk.needed.without is not None:
        where, values = f"{where} AND thread <> ?", [*values, walk.needed.without]
    rows = connection.execute(f"{_SELECT} WHERE {where} ORDER BY sequence{_direction(walk)}", values)
    rest, whole = visit_all(walk, map(from_row, rows), visit, over)
    if not whole:
        return rest, False
    return (left if left.after < left.until else None), True


def _thread_statement(walk: Walk) -> tuple[str, _Values, int]:
    """The next records of a thread, and how many there are at most."""
    where, values = _ahead(walk)
    if walk.by_clock:
        order = f"clock{_direction(walk)}, sequence"
        return f"{_SELECT} WHERE {where} ORDER BY {order} LIMIT {WINDOW}", values, WINDOW
    # The index of clocks has every sequence of the thread, and is much smaller than the records.
    order = f"sequence{_direction(walk)}"
    chosen = f"SELECT sequence FROM records WHERE {where} ORDER BY {order} LIMIT {_THREAD_WINDOW}"
    return f"{_SELECT} WHERE sequence IN ({chosen}) ORDER BY {order}", values, _THREAD_WINDOW


def _ahead(walk: Walk) -> tuple[str, _Values]:
    """The condition for what is left of a walk, and its values."""
    where = "sequence > ? AND sequence <= ?"
    values: _Values = [walk.after, walk.until]
    if walk.thread is not None:
        where, values = f"{where} AND thread = ?", [*values, walk.thread]
    if walk.past is not None:
        clock, sequence = walk.past
        sign = "<" if walk.descending else ">"
        where = f"{where} AND clock {sign}= ? AND (clock {sign} ? OR sequence > ?)"
        values = [*values, clock, clock, sequence]
    return where, values


def _direction(walk: Walk) -> str:
    return " DESC" if walk.descending else ""
