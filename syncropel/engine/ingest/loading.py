"""Folds one thread again, from its records in the order of the log, exactly as they were applied."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from syncropel.folds.base.lifecycle import cancelled
from syncropel.folds.fanout.child import OUTPUT_EVENTS, ChildState, is_child_end, is_child_intend
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.fanout.state import AMEND_JOIN, SPAWNED
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED, Forks, names_child
from syncropel.folds.tasks.state import is_task
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import RESERVED

_FORK_TOPICS: Final = frozenset({FORK_CLOSED, FORK_JOINED, AMEND_JOIN})


def is_of_forks(record: Record) -> bool:
    """Whether the fold of a thread's forks takes this record."""
    if record.thread in RESERVED or record.topic == SPAWNED:
        return False
    return record.topic in _FORK_TOPICS or names_child(record) or bool(cancelled(record))


def is_of_child(record: Record, known: bool) -> bool:
    """Whether the fold of a subtask takes this record, which is on no task's thread. `known`: whether the
    thread is a subtask's already.
    """
    if record.topic in OUTPUT_EVENTS or record.topic in SESSIONS:
        return False
    return known or is_child_intend(record) or is_child_end(record)


def fold_child(thread: str, records: Iterable[StoredRecord]) -> ChildState | None:
    """The subtask on this thread. None when it is none."""
    child: ChildState | None = None
    for stored in records:
        record = stored.record
        if is_task(record):
            break  # from here on it is a task's thread
        if is_of_child(record, child is not None):
            child = child or ChildState(thread)
            child.apply(stored)
    return child


def fold_forks(thread: str, records: Iterable[StoredRecord]) -> Forks | None:
    """The forks of this thread. None without any."""
    forks: Forks | None = None
    for stored in records:
        if is_of_forks(stored.record):
            forks = forks or Forks(thread)
            forks.apply(stored)
    return forks
