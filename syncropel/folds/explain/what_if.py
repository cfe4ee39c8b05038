"""When a fan-out joined, or would have with another predicate: its replay is walked once, in log order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from syncropel.folds.fanout.additions import ADDED
from syncropel.folds.fanout.reassignments import TOPICS as MOVES
from syncropel.folds.fanout.reviews import REVIEW
from syncropel.folds.fanout.state import ACCEPT, AMEND_JOIN, CHILD_DONE, RETRY, FanOut
from syncropel.folds.replay.walk import Replay
from syncropel.record.model import StoredRecord

_TELLING: Final = frozenset({CHILD_DONE, RETRY, REVIEW, ADDED, AMEND_JOIN}) | MOVES
"""Topics after which a join may newly be satisfied, or no longer."""

Satisfied = Callable[[FanOut], bool]


@dataclass(frozen=True, slots=True)
class Tipping:
    """The record that satisfied the join.

    `index` is the subtask whose result it is, None when it is not a result; `at`, its arrival in unix
    seconds; `cost_usd` the cost of the results until then; `accepted` and `finished` count subtasks.
    """

    record: str
    index: int | None
    at: float
    cost_usd: float
    accepted: int
    finished: int


def tipping_point(replay: Replay, satisfied: Satisfied) -> Tipping | None:
    """The first record that satisfied the join; None when none does."""
    return next((_tipping(replay, at) for at in _telling(replay) if _holds(replay, at, satisfied)), None)


def real_tipping_point(replay: Replay, satisfied: Satisfied) -> Tipping | None:
    """The record that last satisfied the join before it was recorded as joined; None when it has not joined.

    A retry may have undone an earlier one, while a freeze kept the join from being recorded.
    """
    latest, held = None, False
    for at in _telling(replay):
        fanout = replay.state(at).folded.fanout
        if fanout is not None and fanout.joined is not None:
            return latest
        holds = _holds(replay, at, satisfied)
        if holds and not held:
            latest = _tipping(replay, at)
        latest, held = latest if holds else None, holds
    fanout = replay.state(replay.total).folded.fanout
    return latest if fanout is not None and fanout.joined is not None else None


def accepts(fanout: FanOut) -> int:
    """How many subtasks have an accepted result."""
    reports = (fanout.report(index) for index in range(len(fanout.spec.subtasks)))
    return sum(report is not None and report.verdict == ACCEPT for report in reports)


def _telling(replay: Replay) -> list[int]:
    """The positions at which the join may change."""
    return [
        at
        for at, stored in enumerate(replay.records, start=1)
        if stored.record.topic in _TELLING or stored.record.act == "INTEND"
    ]


def _holds(replay: Replay, position: int, satisfied: Satisfied) -> bool:
    fanout = replay.state(position).folded.fanout
    return fanout is not None and satisfied(fanout)


def _tipping(replay: Replay, position: int) -> Tipping:
    stored: StoredRecord = replay.records[position - 1]
    fanout = replay.state(position).folded.fanout
    assert fanout is not None, "a join is satisfied only where there is a fan-out"
    record, count = stored.record, len(fanout.spec.subtasks)
    index = record.body.get("index")
    known = type(index) is int and record.topic == CHILD_DONE
    return Tipping(
        record.id,
        index if known else None,
        stored.received_at,
        fanout.cost_usd,
        accepts(fanout),
        sum(fanout.report(one) is not None for one in range(count)),
    )
