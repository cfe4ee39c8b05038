"""Starts of attempts that have no result yet, from a worker's log.

A start is a session on a dispatch sub-thread. A run that a daemon took over after its predecessor's crash is
distinguished. A run whose goal never began, or that a daemon ended or left in order while stopping, counts as
neither. So the count is how often a worker went down under one attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.fanout.child import INTERRUPTED, NOT_STARTED, REATTACHED, SESSION
from syncropel.folds.fanout.starts import Start, lost, read_start
from syncropel.record.model import StoredRecord

TOPICS: Final = frozenset({SESSION, REATTACHED, NOT_STARTED, INTERRUPTED})


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    clock: int
    record: str
    kind: str
    start: Start


@dataclass(slots=True)
class Sessions:
    """Starts of attempts without a result, by the id of the child INTEND. Applying records in any order gives
    the same state.
    """

    by_intend: dict[str, dict[str, set[_Event]]] = field(default_factory=dict)
    """The events on each dispatch sub-thread of an attempt."""

    def apply(self, stored: StoredRecord) -> None:
        """Apply one observation of a dispatch."""
        record, body = stored.record, stored.record.body
        intend = body.get("child_intend")
        if record.topic not in TOPICS or not isinstance(intend, str) or record.clock is None:
            return
        told = {**body, "instance": record.actor, "ended": "", "taken_back": record.topic == REATTACHED}
        start = read_start(told) or Start(0.0, record.actor, taken_back=record.topic == REATTACHED)
        event = _Event(record.clock, record.id, record.topic, start)
        self.by_intend.setdefault(intend, {}).setdefault(record.thread, set()).add(event)

    def settle(self, intend: str) -> None:
        """Forget an attempt that has its result."""
        self.by_intend.pop(intend, None)

    def sessions(self, intend: str, instance: str) -> list[str]:
        """The records of all sessions that this instance began for an attempt, by id."""
        events = [event for found in self.by_intend.get(intend, {}).values() for event in found]
        return [
            event.record for event in events if event.kind == SESSION and event.start.instance == instance
        ]

    def of(self, intend: str) -> tuple[Start, ...]:
        """The starts of an attempt, in order. All but the last failed to produce a result."""
        found = [start for events in self.by_intend.get(intend, {}).values() for start in _lives(events)]
        found.sort(key=lambda start: (start.at, start.pid))
        return (*lost(found[:-1]), *found[-1:])


def _lives(events: Iterable[_Event]) -> list[Start]:
    """The starts of one run; each report that a daemon ended or left it in order cancels the last one."""
    lives: list[Start] = []
    for event in sorted(events):
        if event.kind in (SESSION, REATTACHED):
            lives.append(event.start)
        elif lives:
            lives.pop()
    return lives
