"""The namespaces of threads as the guard knew them, at each point of a log.

They follow from the INTENDs of a thread, which are read when a thread is asked for, and from who forked or
spawned it, which is noted on the way: on disk, for there may be a million subtasks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from syncropel.folds.base.order import word_key
from syncropel.folds.fanout.child import ChildState, is_child_intend
from syncropel.folds.fanout.state import SPAWNED
from syncropel.folds.forks.state import SUB_THREAD, Forks, child_problem, names_child
from syncropel.folds.tasks.parents import Parents
from syncropel.folds.tasks.state import TaskState, fold_task, is_task
from syncropel.folds.threads.index import ThreadIndex, ThreadLine
from syncropel.folds.working_set import WorkingSet
from syncropel.record.model import StoredRecord
from syncropel.record.threads import RESERVED

_KEPT: Final = 20_000
"""Threads held in memory, before all of them are read again."""
_SPAWN: Final = """
    INSERT INTO spawned VALUES (?, ?) ON CONFLICT (child) DO UPDATE SET parent = min(parent, excluded.parent)
"""
_Value = TypeVar("_Value")

Intends = Callable[[str, int], Iterable[StoredRecord]]
"""The INTENDs of a thread up to a sequence, by sequence."""


class Places:
    """Answers `policy.guard.namespaces_of`, as the records up to the last one that was applied say."""

    def __init__(self, intends: Intends) -> None:
        self._intends = intends
        self._through = 0
        self._spawned = sqlite3.connect("")  # a file of SQLite's own, gone with the connection
        self._spawned.execute("CREATE TABLE spawned (child TEXT PRIMARY KEY, parent TEXT) WITHOUT ROWID")
        self.parents = Parents()
        self.forks: WorkingSet[Forks] = WorkingSet()
        self._forget()

    def close(self) -> None:
        """Remove what was noted on disk."""
        self._spawned.close()

    def apply(self, stored: StoredRecord) -> None:
        """Apply the next record of the log."""
        record = stored.record
        self._through = stored.sequence
        if len(self.index.threads) >= _KEPT:
            self._forget()
        if record.act == "INTEND":
            self._take_intend(stored)
        elif record.act == "DO" and record.topic == SPAWNED and record.thread not in RESERVED:
            child = record.body.get("child_thread")
            if isinstance(child, str):
                self._spawned.execute(_SPAWN, (child, record.thread))
                _expect(self.parents.fan_outs, child, record.thread)

    def _take_intend(self, stored: StoredRecord) -> None:
        record, thread = stored.record, stored.record.thread
        if names_child(record) and thread not in RESERVED:
            child: Any = record.body[SUB_THREAD]
            if not child_problem(child, thread):
                self.parents.fork(child, thread, word_key(record))
        if (line := self.index.threads.peek(thread)) is not None:
            line.apply(stored)
        else:
            _expect(self.index.threads, thread, ThreadLine(thread))
        if is_task(record):
            _expect(self.tasks, thread, TaskState(thread))
        if is_child_intend(record):
            _expect(self.children, thread, ChildState(thread))

    def _forget(self) -> None:
        self.parents.fan_outs = WorkingSet(self._spawner)
        self.index = ThreadIndex(WorkingSet(self._line))
        self.tasks: WorkingSet[TaskState] = WorkingSet(self._task)
        self.children: WorkingSet[ChildState] = WorkingSet(self._child)

    def _line(self, thread: str) -> ThreadLine:
        line = ThreadLine(thread)
        for stored in self._intends(thread, self._through):
            line.apply(stored)
        return line

    def _task(self, thread: str) -> TaskState | None:
        intends = list(self._intends(thread, self._through))
        return fold_task(thread, intends) if any(is_task(one.record) for one in intends) else None

    def _child(self, thread: str) -> ChildState | None:
        child: ChildState | None = None
        for stored in self._intends(thread, self._through):
            if is_task(stored.record):
                break  # from here on it is a task's thread
            if is_child_intend(stored.record):
                child = child or ChildState(thread)
                child.apply(stored)
        return child

    def _spawner(self, child: str) -> str | None:
        row = self._spawned.execute("SELECT parent FROM spawned WHERE child = ?", (child,)).fetchone()
        return None if row is None else str(row[0])


def _expect(values: WorkingSet[_Value], key: str, value: _Value) -> None:
    """Have a value loaded when it is next asked for, even if it was looked for in vain before."""
    values[key] = value
    values.forget(key)
