"""When a fan-out joined, or would have with another predicate: its records are walked once, as time went.

Fold order is not that order: the clock of a result is promised when its subtask is given away, so that of two
results the one that came first may stand second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from syncropel.folds.fanout import ACCEPT, AMEND_JOIN, CHILD_DONE, RETRY, FanOut
from syncropel.folds.moves import TOPICS as MOVES
from syncropel.folds.spec import LARGEST
from syncropel.folds.task import TaskState, commutes
from syncropel.record import StoredRecord

_TELLING: Final = frozenset({CHILD_DONE, RETRY, AMEND_JOIN}) | MOVES
"""Topics after which a join may be satisfied that was not before."""

Satisfied = Callable[[FanOut], bool]


@dataclass(frozen=True, slots=True)
class Tipping:
    """The record after which the join was satisfied for the first time.

    `index` is the subtask whose result it is, None when it is no result; `at` unix seconds; `cost_usd` what
    the results until then cost; `accepted` and `finished` count subtasks.
    """

    record: str
    index: int | None
    at: float
    cost_usd: float
    accepted: int
    finished: int


def as_time_went(records: Iterable[StoredRecord]) -> list[tuple[float, StoredRecord]]:
    """Records, given in fold order, in the order of what they say happened when, with that time.

    What does not commute keeps its fold order, and no result comes before the fan-out: hosts' clocks differ.
    """
    reached, timed = 0.0, list[tuple[float, StoredRecord]]()
    for stored in records:
        at = max(time_of(stored), reached)
        if not commutes(stored.record):
            reached = at
        timed.append((at, stored))
    return sorted(timed, key=lambda one: one[0])


def time_of(stored: StoredRecord) -> float:
    """When it happened, unix seconds: as the record says, or else when the store got it."""
    at = stored.record.body.get("at")
    if isinstance(at, int | float) and not isinstance(at, bool) and abs(at) <= LARGEST:
        return float(at)
    return stored.received_at


def tipping_point(thread: str, records: Iterable[StoredRecord], satisfied: Satisfied) -> Tipping | None:
    """Where the join is satisfied first; None when it never is. `records` in fold order."""
    state = TaskState(thread)
    for at, stored in as_time_went(records):
        state.apply(stored)
        fanout, record = state.fanout, stored.record
        if fanout is None or not (record.topic in _TELLING or record.id == fanout.intend):
            continue
        if satisfied(fanout):
            return _tipping(fanout, stored, at)
    return None


def accepts(fanout: FanOut) -> int:
    """How many subtasks have an accepted result."""
    reports = (fanout.report(index) for index in range(len(fanout.spec.subtasks)))
    return sum(report is not None and report.verdict == ACCEPT for report in reports)


def _tipping(fanout: FanOut, stored: StoredRecord, at: float) -> Tipping:
    record, count = stored.record, len(fanout.spec.subtasks)
    index = record.body.get("index")
    known = type(index) is int and record.topic == CHILD_DONE
    return Tipping(
        record.id,
        index if known else None,
        at,
        fanout.cost_usd,
        accepts(fanout),
        sum(fanout.report(one) is not None for one in range(count)),
    )
