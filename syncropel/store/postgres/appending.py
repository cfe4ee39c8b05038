"""One group of appends in one statement, one round trip, and one commit. Runs on the writer's thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, Final

from syncropel.errors import SyncropelError
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import clock_ceiling
from syncropel.store.base import Appended, Outcome
from syncropel.store.calls import Call, Clocks, Committed, unplaced
from syncropel.store.head import Head, rules
from syncropel.store.intake import as_stored, clock_taken
from syncropel.store.postgres.connection import Log
from syncropel.store.postgres.rows import held, released, to_row
from syncropel.store.refusals import Moved

PROTOCOL: Final = 1
"""The version of what is appended, and how: a log can ask for a higher one."""
LEASE_SECS: Final = 10.0
"""How long a process is the one that appends without saying so again."""

_COLUMNS: Final = 14
_TERMS: Final = 11
"""Columns of a group, and which of them has the terms."""
_THREADS_KEPT: Final = 20_000
_APPEND: Final = """
    SELECT ordinal, known, known_at, known_judge FROM syncropel.append_group_v1(
        %b::integer, %b::text, %b::float8, %b::bigint, %b::bigint,
        %b::bytea[], %b::text[], %b::bigint[], %b::text[],
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::float8[], %b::bigint[],
        %b::boolean[], %b::boolean[], %b::text[])
"""
_HIGHEST: Final = """
    SELECT wanted.thread, (
        SELECT max(clock) FROM syncropel.records AS r WHERE r.thread = wanted.thread AND r.clock <= ceiling
    ) FROM unnest(%b::text[], %b::bigint[]) AS wanted (thread, ceiling)
"""


class HighestClocks:
    """The highest clocks of threads in the log, for as long as nobody else appends to it."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, int] = OrderedDict()

    def look_up(self, log: Log, calls: Sequence[Call]) -> dict[str, int | None]:
        """Those of all threads on which a record waits for its clock, and of others that are known."""
        wanted = unplaced(calls)
        missing = [thread for thread in wanted if thread not in self._known]
        if missing:
            ceilings = [clock_ceiling(thread) for thread in missing]
            for name, clock in log.execute(_HIGHEST, ([*map(held, missing)], ceilings)):
                self._known[released(name)] = -1 if clock is None else clock
        threads = {one.thread for call in calls for one in call.records if isinstance(one, Record)}
        found = {thread: self._known[thread] for thread in threads if thread in self._known}
        return {thread: None if clock < 0 else clock for thread, clock in found.items()}

    def committed(self, threads: Sequence[str], clocks: Clocks) -> None:
        """A group is in the log; these threads of it had been looked up."""
        for thread in threads:
            self._known[thread] = clocks.highest(thread)
            self._known.move_to_end(thread)
        while len(self._known) > _THREADS_KEPT:
            self._known.popitem(last=False)

    def forget(self) -> None:
        """Others may have appended."""
        self._known.clear()


@dataclass(frozen=True)
class Group:
    """Calls whose records have their clocks and ids.

    `head`: the log's when it was built: whatever the log has of the group above that is its own. `answers`:
    of each call its records, or why it is not written. `threads`: those that `clocks` had looked up.
    """

    answers: list[list[Record | SyncropelError] | Moved]
    arrived: list[tuple[Record, float]]
    columns: tuple[list[Any], ...]
    acknowledged: list[str]
    head: Head
    threads: list[str]
    clocks: Clocks

    def committed(self, answer: Sequence[tuple[Any, ...]]) -> Committed:
        """The result, from what `append_group_v1` answered."""
        (_, last, *_), *exceptions = answer
        known = {ordinal: (sequence, at, judge) for ordinal, sequence, at, judge in exceptions}
        sequence = last - (len(self.arrived) - len(known))
        results: list[Outcome] = []
        added: dict[str, int] = {}
        for ordinal, (record, received_at) in enumerate(self.arrived, 1):
            if ordinal not in known:
                sequence += 1
                results.append(Appended(StoredRecord(record, sequence, received_at), True))
                added[record.id] = ordinal
            else:
                results.append(self._existing(record, ordinal, *known[ordinal], added))
        rest = iter(results)
        outcomes: list[list[Outcome] | Moved] = [
            answer
            if isinstance(answer, Moved)
            else [next(rest) if isinstance(record, Record) else record for record in answer]
            for answer in self.answers
        ]
        term = max((self.columns[_TERMS][at - 1] for at in added.values()), default=0)
        return Committed(outcomes, self._head_after(results, term), list(added))

    def _head_after(self, results: Sequence[Outcome], term: int) -> Head:
        new = [one.stored for one in results if isinstance(one, Appended) and one.created]
        if not new:
            return self.head
        ruling = [stored.sequence for stored in new if rules(stored.record)]
        ruled = max(ruling, default=self.head.ruled)
        return Head(new[-1].sequence, ruled, max(self.head.term, term))

    def _existing(
        self,
        record: Record,
        ordinal: int,
        sequence: int | None,
        at: float,
        judge: str | None,
        added: dict[str, int],
    ) -> Outcome:
        if sequence is None:
            return clock_taken(record)
        # One that this very group had written before its answer was lost is new to those who wait for it.
        created = sequence > self.head.last and record.id not in added
        if created:
            added[record.id] = ordinal
        judged_by = None if judge is None else released(judge)
        return Appended(StoredRecord(as_stored(record, judged_by), sequence, at), created)


def build(log: Log, calls: Sequence[Call], highest: HighestClocks, head: Head) -> Group:
    """Give the records of calls their clocks. Ruling records are in the last call alone. Reads the log, and
    writes nothing. Raises psycopg.Error.
    """
    in_log = highest.look_up(log, calls)
    clocks = Clocks(in_log)
    answers: list[list[Record | SyncropelError] | Moved] = []
    arrived: list[tuple[Record, float]] = []
    noted: list[tuple[int, bool, bool]] = []
    coming = head
    for call in calls:
        if (moved := coming.moved(call.records, call.judged)) is not None:
            answers.append(moved)
            continue
        placed = [clocks.place(record, call.received_at) for record in call.records]
        answers.append(placed)
        term, _ = coming.noted(call.judged)
        coming = replace(coming, term=max(coming.term, term))
        for record, received_at in zip(placed, call.times or repeat(call.received_at), strict=False):
            if isinstance(record, Record):
                arrived.append((record, received_at))
                noted.append((term, rules(record), call.judged is not None))
    rows = [(*to_row(*one), *more) for one, more in zip(arrived, noted, strict=True)]
    columns = tuple(map(list, zip(*rows, strict=True))) if rows else tuple([] for _ in range(_COLUMNS))
    acknowledged = sorted({held(one) for call in calls for one in call.acknowledged})
    return Group(answers, arrived, columns, acknowledged, head, list(in_log), clocks)


def send(log: Log, group: Group, incarnation: str, last: int, ruled: int) -> list[tuple[Any, ...]]:
    """Append a group to a log that has this head. Raises psycopg.Error."""
    values = (PROTOCOL, incarnation, LEASE_SECS, last, ruled, *group.columns, group.acknowledged)
    return log.execute(_APPEND, values, binary=True).fetchall()
