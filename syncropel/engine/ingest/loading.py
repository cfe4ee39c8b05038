"""Finds again what live folds do not hold: folded from the records of its own thread, in the order of the
log, exactly as they were applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from syncropel.engine.ingest.source import Source
from syncropel.folds.base.lifecycle import cancelled
from syncropel.folds.fanout.asked import KINDS as TALKS
from syncropel.folds.fanout.asked import Conversation, Conversations
from syncropel.folds.fanout.child import OUTPUT_EVENTS, ChildState, is_child_end, is_child_intend
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.fanout.spend import Spend, Spent
from syncropel.folds.fanout.state import AMEND_JOIN, SPAWNED
from syncropel.folds.forks.state import FORK_CLOSED, FORK_JOINED, Forks, names_child
from syncropel.folds.tasks.state import TaskState, fold_task, is_task
from syncropel.folds.threads.index import ThreadLine
from syncropel.folds.working_set import WorkingSet
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
    if record.topic in OUTPUT_EVENTS or record.topic in SESSIONS or record.topic in TALKS:
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


def oldest_of(tasks: Iterable[TaskState]) -> TaskState | None:
    """The task that was created first. None without any."""
    return min(tasks, key=lambda task: (task.created_at, task.thread), default=None)


class Loader:
    """Loads by key, None for what does not exist. `is_unwritten` says of which threads the source may be out
    of date; their folds are in `lines` and `tasks`.
    """

    def __init__(
        self,
        source: Source,
        lines: WorkingSet[ThreadLine],
        tasks: WorkingSet[TaskState],
        is_unwritten: Callable[[str], bool],
    ) -> None:
        self._source = source
        self._lines = lines
        self._tasks = tasks
        self._is_unwritten = is_unwritten

    def task(self, thread: str) -> TaskState | None:
        """The task on this thread."""
        line = self._lines.get(thread)
        return fold_task(thread, self._source.records(thread)) if line is not None and line.has_task else None

    def child(self, thread: str) -> ChildState | None:
        """The subtask on this thread."""
        line = self._lines.get(thread)
        return (
            fold_child(thread, self._source.records(thread)) if line is not None and line.has_child else None
        )

    def forks(self, thread: str) -> Forks | None:
        """The forks of this thread."""
        line = self._lines.get(thread)
        return (
            fold_forks(thread, self._source.records(thread)) if line is not None and line.has_forks else None
        )

    def spent(self, intend: str) -> Spent | None:
        """What an attempt has spent."""
        spend = Spend()
        for stored in self._observations(intend):
            spend.apply(stored)
        return spend.by_intend.get(intend)

    def talk(self, intend: str) -> Conversation | None:
        """What an attempt asked and was told."""
        talks = Conversations()
        for stored in self._observations(intend):
            talks.apply(stored)
        return talks.by_intend.get(intend)

    def _observations(self, intend: str) -> Iterator[StoredRecord]:
        """The observations of an attempt, which are on no task's thread."""
        tasks = set[str]()
        for stored in self._source.observations(intend):
            record = stored.record
            if is_task(record):
                tasks.add(record.thread)  # from here on it is a task's thread
            elif record.thread not in tasks and record.body.get("child_intend") == intend:
                yield stored

    def alias(self, alias: str) -> str | None:
        """The thread of the oldest task with this alias."""
        named = self._still(self._source.named(alias), lambda task: task.alias == alias)
        if len(named) < 2:
            return next(iter(named), None)
        oldest = oldest_of(task for thread in named if (task := self._tasks.get(thread)) is not None)
        return None if oldest is None else oldest.thread

    def parts(self, parent: str) -> set[str] | None:
        """The threads of the tasks that are a part of this one."""
        return set(self._still(self._source.parts(parent), lambda task: task.parent_thread == parent)) or None

    def _still(self, threads: Iterable[str], holds: Callable[[TaskState], bool]) -> list[str]:
        """Those of these threads, which the source gave, of which it still holds."""

        def is_so(thread: str) -> bool:
            task = self._tasks.get(thread) if self._is_unwritten(thread) else None
            return task is None or holds(task)

        return [thread for thread in threads if is_so(thread)]
