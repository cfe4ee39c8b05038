"""Fold order: derived from content, never from arrival (PROTOCOL: Record).

By clock; among equal clocks a parent comes before its child, otherwise by id. Two stores with the same set of
records therefore fold to the same state. A clock above the thread's ceiling counts as the lowest: it is from
an older log, and nothing could ever be written after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from syncropel.folds.fanout.state import Key, commutes
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import counts

_BELOW: Final = 2**64
NEVER: Final[Key] = (-_BELOW, "")
"""Lower than the key of any record."""


def rank(record: Record) -> int:
    """The rank of a record on its thread: its clock, or below all others if that is above the ceiling.

    A fact of a fan-out keeps its place: it may be applied at any time, but not before the fan-out.
    """
    clock = record.clock
    assert clock is not None, "a stored record has its clock"
    return clock if counts(record.thread, clock, record.body) or commutes(record) else clock - _BELOW


def word_key(record: Record) -> Key:
    """The key that decides which record about something is the newest: the highest one."""
    return rank(record), record.id


def _rank(stored: StoredRecord) -> int:
    return rank(stored.record)


def fold_order(records: Iterable[StoredRecord]) -> list[StoredRecord]:
    """The records of one thread in fold order."""
    ordered: list[StoredRecord] = []
    for _, group in groupby(sorted(records, key=_rank), key=_rank):
        ordered.extend(_parents_first(list(group)))
    return ordered


def _parents_first(group: list[StoredRecord]) -> list[StoredRecord]:
    if len(group) == 1:
        return group
    by_id = {stored.record.id: stored for stored in group}
    waiting = {id_: _parents_within(stored.record, by_id) for id_, stored in by_id.items()}
    children: dict[str, list[str]] = {}
    for id_, parents in waiting.items():
        for parent in parents:
            children.setdefault(parent, []).append(id_)
    ready = [id_ for id_, parents in waiting.items() if not parents]
    heapq.heapify(ready)
    ordered = []
    while ready:
        id_ = heapq.heappop(ready)
        ordered.append(by_id[id_])
        for child in children.get(id_, ()):
            waiting[child].discard(id_)
            if not waiting[child]:
                heapq.heappush(ready, child)
    return ordered


def _parents_within(record: Record, by_id: dict[str, StoredRecord]) -> set[str]:
    # A record cannot contain its own hash, so parents never form a cycle.
    return {parent for parent in record.parents if parent in by_id}
