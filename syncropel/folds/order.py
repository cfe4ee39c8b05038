"""Fold order: derived from content, never from arrival (PROTOCOL: Record).

By clock; among equal clocks a parent comes before its child; else by id. Two stores with the same set of
records therefore fold to the same state.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from itertools import groupby

from syncropel.record import Record, StoredRecord


def _clock(stored: StoredRecord) -> int:
    clock = stored.record.clock
    assert clock is not None, "a stored record has its clock"
    return clock


def fold_order(records: Iterable[StoredRecord]) -> list[StoredRecord]:
    """The records of one thread in fold order."""
    ordered: list[StoredRecord] = []
    for _, group in groupby(sorted(records, key=_clock), key=_clock):
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
