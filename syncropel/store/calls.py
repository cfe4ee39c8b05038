"""What callers submit to a log, the result of committing it, and the clocks that their records get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncropel.errors import SyncropelError
from syncropel.record.model import Record
from syncropel.record.threads import clock_ceiling
from syncropel.store.base import Judged, Outcome
from syncropel.store.head import Head
from syncropel.store.intake import assigned
from syncropel.store.refusals import Moved


@dataclass(frozen=True, slots=True)
class Call:
    """What one caller submits: records (or their errors), when they came, ids to acknowledge.

    `times`: when each of them came, where that differs. `judged`: None when nobody judged them.
    """

    records: Sequence[Record | SyncropelError]
    received_at: float
    acknowledged: tuple[str, ...] = ()
    times: tuple[float, ...] | None = None
    judged: Judged | None = None


@dataclass(frozen=True, slots=True)
class Committed:
    """The result of one commit: the outcomes of each call in order, or why it was not written; and the head
    of the log after it.
    """

    outcomes: list[list[Outcome] | Moved]
    head: Head
    ids: Sequence[str] = ()
    """The new records, in log order."""


def unplaced(calls: Sequence[Call]) -> set[str]:
    """The threads on which a record waits for its clock."""
    return {
        record.thread
        for call in calls
        for record in call.records
        if isinstance(record, Record) and record.clock is None
    }


class Clocks:
    """Assigns clocks, each after those before it in the group and those in the log."""

    def __init__(self, in_log: Mapping[str, int | None]) -> None:
        self._highest = {thread: clock for thread, clock in in_log.items() if clock is not None}

    def highest(self, thread: str) -> int:
        """The highest clock of a thread that was given, with the records placed so far; -1 for none."""
        return self._highest.get(thread, -1)

    def place(self, record: Record | SyncropelError, now: float) -> Record | SyncropelError:
        """The record with a clock and its id, or its error. `now` in unix seconds."""
        if isinstance(record, SyncropelError):
            return record
        highest = self._highest.get(record.thread, -1)
        if record.clock is None:
            record = assigned(record, highest, now)
            if isinstance(record, SyncropelError):
                return record
        clock = record.clock
        assert clock is not None
        # A record that the log will refuse counts too: the one it collides with is at the same clock.
        if highest < clock <= clock_ceiling(record.thread):
            self._highest[record.thread] = clock
        return record
