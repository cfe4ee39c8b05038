"""The result of a closed thread, as its parent is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from syncropel.folds.base.lifecycle import Lifecycle
from syncropel.folds.fanout.state import ACCEPT
from syncropel.folds.tasks.state import TaskState
from syncropel.record.model import Record, StoredRecord

_RESULTS: Final = {
    "done": ACCEPT,
    "approved": ACCEPT,
    "rejected": "reject",
    "cancelled": "cancelled",
    "failed": "failed",
}
"""Status of a finished task → its result."""
_RESULT_OF_WAY: Final = {"fulfilled": ACCEPT, "rejected": "reject", "cancelled": "cancelled"}
"""How a thread was closed → its result."""


@dataclass(frozen=True, slots=True)
class Closing:
    """`result`: accept, reject, failed, or cancelled; `status`: the thread's status."""

    result: str
    status: str
    summary: str = ""
    cost_usd: float = 0.0


def result_of(status: str) -> str:
    """The result of a task with this status; empty while it is not over."""
    return _RESULTS.get(status, "")


def closing_of_task(state: TaskState, status: str) -> Closing | None:
    """The result of a task; None while it is not over. `status` as returned by `status_now`."""
    result = result_of(status)
    if not result:
        return None
    cost = state.fanout.cost_usd if state.fanout is not None else 0.0
    return Closing(result, status, _said(state, status), cost)


def _said(state: TaskState, status: str) -> str:
    fanout = state.fanout
    if fanout is not None and len(fanout.spec.subtasks) == 1 and status in ("approved", "failed"):
        report = fanout.report(0)
        if report is not None:
            return report.summary
    return state.reason if status in ("rejected", "cancelled", "failed") else state.summary


def closing_of_thread(records: Iterable[StoredRecord]) -> Closing | None:
    """The result of a thread that is not a task; None while it is not closed. `records` in any order."""
    life, by_id = Lifecycle(), dict[str, Record]()
    for stored in records:
        life.apply(stored.record)
        by_id[stored.record.id] = stored.record
    closing = life.arc.closing
    if closing is None:
        return None
    body = by_id[closing.record].body
    summary = str(body.get("summary") or body.get("text") or body.get("reason") or "")
    failed = closing.way == "fulfilled" and body.get("verdict") == "failed"
    return Closing("failed" if failed else _RESULT_OF_WAY[closing.way], "closed", summary)
