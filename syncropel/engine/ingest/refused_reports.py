"""Reports of results that the log refused: kept for display, since finished work must not vanish.

Kept in memory: an instance resends a refused report until it is accepted, so what matters comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final, Protocol

from syncropel.errors import SyncropelError
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.fanout.told import FACTS, told_about
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.working_set import WorkingSet
from syncropel.record.model import Record
from syncropel.store.base import Outcome

log = logging.getLogger("syncropel.engine.reports")

MAX_KEPT: Final = 1000
"""Refusals kept; beyond that, the oldest are forgotten."""

_Slot = tuple[str, Any, Any]


class _Folds(Protocol):
    @property
    def tasks(self) -> WorkingSet[TaskState]: ...


class RefusedReports:
    """The latest refusal of each reporter of an attempt."""

    def __init__(self) -> None:
        self._kept: dict[tuple[_Slot, str], str] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def look(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        """Note the outcomes of those of these records that are reports."""
        for record, outcome in zip(records, outcomes, strict=True):
            if record.topic != CHILD_DONE:
                continue
            about = _slot(record.thread, record.body.get("index"), record.body.get("attempt", 1))
            key = about, record.actor
            if not isinstance(outcome, SyncropelError):
                self._kept.pop(key, None)
            elif self._kept.pop(key, "") != outcome.message:
                log.warning(
                    "a report of %r by %s was refused: %s",
                    record.body.get("verdict"),
                    record.actor,
                    outcome.message,
                    extra={"thread_id": record.thread, "actor": record.actor},
                )
                self._keep(key, outcome.message)
            else:
                self._keep(key, outcome.message)

    def _keep(self, key: tuple[_Slot, str], message: str) -> None:
        self._kept[key] = message
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def told(self, thread: str, index: int, attempt: int) -> list[str]:
        """What was refused of this attempt's reports, and from whom they came."""
        slot = _slot(thread, index, attempt)
        return [f"{actor}: {message}" for (about, actor), message in self._kept.items() if about == slot]


def _slot(thread: str, index: Any, attempt: Any) -> _Slot:
    # A refused record may contain anything; as text, all of it can be compared.
    return thread, repr(index), repr(attempt)


def known_result(record: Record, folds: _Folds) -> dict[str, str] | None:
    """What the fold knows of the attempt that this report is about: its worker and verdict; of another
    fact, that it was told already. None: nothing.
    """
    task, body = folds.tasks.get(record.thread), record.body
    if task is not None and task.fanout is not None and record.topic in FACTS:
        told = task.fanout.told_at(record) is not None
        return {"told": told_about(body)} if told else None
    index, attempt = body.get("index"), body.get("attempt", 1)
    if task is None or task.fanout is None or type(index) is not int or type(attempt) is not int:
        return None
    report = task.fanout.reports.get((index, attempt))
    return None if report is None else {"worker": report.worker, "verdict": report.verdict}
