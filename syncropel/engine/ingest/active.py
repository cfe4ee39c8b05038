"""The fan-outs that are running, with the load that they are for each instance."""

from __future__ import annotations

from collections import Counter
from typing import Any

from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.tasks.state import TaskState


class ActiveFanOuts(dict[str, TaskState]):
    """Tasks with a running fan-out, by thread. A task is set again whenever a record of it was applied:
    only those set since the last look are counted again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed: set[str] = set()
        self._counted: dict[str, dict[str, int]] = {}
        self._load: Counter[str] = Counter()

    def __setitem__(self, thread: str, state: TaskState) -> None:
        super().__setitem__(thread, state)
        self._changed.add(thread)

    def pop(self, thread: str, default: Any = None) -> Any:
        """Remove a task, and what is kept about its progress. None when it is not here."""
        self._changed.add(thread)
        state = super().pop(thread, default)
        if state is not None and state.fanout is not None:
            state.fanout.progress = None
        return state

    def load(self) -> Counter[str]:
        """Subtasks in progress, by instance."""
        for thread in self._changed:
            state = self.get(thread)
            running = progress_of(state.fanout).running if state is not None and state.fanout else {}
            now = {did: len(there) for did, there in running.items() if there}
            self._load.subtract(self._counted.pop(thread, {}))
            if now:
                self._load.update(now)
                self._counted[thread] = now
        self._changed.clear()
        return +self._load
