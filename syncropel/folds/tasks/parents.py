"""Which thread is a child of which, over the whole log.

Three kinds of records establish it: a spawned subtask, a task's own INTEND (`parent_thread`), and a fork on
the parent (`sub_thread`). A thread has at most one parent: a subtask's fan-out takes precedence over what the
thread says itself, and that over a fork; of several forks the first in fold order counts. Whatever would make
a thread its own ancestor is ignored. So the result depends only on the records, not on their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from syncropel.folds.fanout.state import Key
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.working_set import WorkingSet

MOST_ANCESTORS: Final = 1000
"""A thread nested deeper has no parent: no log gets there by itself."""


class Tasks(Protocol):
    """Tasks by thread."""

    def get(self, thread: str, /) -> TaskState | None: ...


@dataclass(slots=True)
class Parents:
    """Parents by child. `forks`: per child, the threads that forked it; `fan_outs`: subtasks' threads."""

    forks: WorkingSet[dict[str, Key]] = field(default_factory=WorkingSet)
    fan_outs: WorkingSet[str] = field(default_factory=WorkingSet)

    def fork(self, child: str, parent: str, key: Key) -> None:
        """Note that `parent` forks `child`."""
        claims = self.forks.setdefault(child, {})
        claims[parent] = min(key, claims.get(parent, key))

    def stated(self, child: str, tasks: Tasks) -> str:
        """The parent according to records, even where it is not valid; empty when there is none."""
        if (of := self.fan_outs.get(child)) is not None:
            return of
        task = tasks.get(child)
        if task is not None and task.parent_thread:
            return task.parent_thread
        claims = self.forks.get(child)
        return min(claims, key=claims.__getitem__) if claims else ""

    def of(self, child: str, tasks: Tasks) -> str:
        """The parent of this thread, empty when it has none."""
        parent = self.stated(child, tasks)
        if not parent:
            return ""
        for depth, above in enumerate(self._above(child, tasks)):
            if above == child or depth == MOST_ANCESTORS:
                return ""
        return parent

    def ancestors(self, thread: str, tasks: Tasks) -> list[str]:
        """The claimed ancestors of this thread, nearest first."""
        return list(self._above(thread, tasks))

    def problem(self, child: str, parent: str, tasks: Tasks) -> str:
        """Why the fork of `child` by `parent` is invalid, empty when it is valid."""
        stated = self.stated(child, tasks)
        if stated != parent:
            return f"is a child of {stated}" if stated else "was not forked here"
        return "" if self.of(child, tasks) else "is an ancestor of its parent, or hangs too deep"

    def _above(self, child: str, tasks: Tasks) -> Iterator[str]:
        """The claimed ancestors of a thread; endless in a cycle."""
        seen: set[str] = set()
        while (child := self.stated(child, tasks)) and child not in seen:
            seen.add(child)
            yield child
