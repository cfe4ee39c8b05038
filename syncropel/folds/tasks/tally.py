"""Counts over all tasks, corrected by what changed: nobody has to walk through every task for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from syncropel.folds.tasks.state import OPEN_STATUSES, TaskState
from syncropel.folds.tasks.trust import NOBODY, Trust, contributions
from syncropel.folds.working_set import WorkingSet


@dataclass(frozen=True, slots=True)
class Counted:
    """What one task adds to the counts. `open_in`: the namespace in which it may still continue, or empty."""

    open_in: str = ""
    trust: tuple[tuple[str, Trust], ...] = ()

    @classmethod
    def of(cls, state: TaskState) -> Counted:
        """What this task adds in its current state."""
        trust = tuple(sorted(contributions(state).items(), key=lambda one: one[0]))
        return cls(state.namespace if state.status in OPEN_STATUSES else "", trust)

    def to_json(self) -> list[Any]:
        """As a row of the views keeps it."""
        return [self.open_in, [[actor, one.results, one.accepted, one.own] for actor, one in self.trust]]

    @classmethod
    def from_json(cls, value: list[Any]) -> Counted:
        """The reverse of `to_json`."""
        open_in, trust = value
        return cls(open_in, tuple((actor, Trust(*numbers)) for actor, *numbers in trust))


NOTHING = Counted()


@dataclass(slots=True)
class Tally:
    """Open tasks by namespace, and everyone's trust. A changed task is counted again at the next look."""

    counted: WorkingSet[Counted] = field(default_factory=WorkingSet)
    """What each task added when it was last counted, by thread."""
    trust: dict[str, Trust] = field(default_factory=dict)
    open_tasks: dict[str, int] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    """Threads of tasks that changed since."""
    recounted: set[str] = field(default_factory=set)
    """Actors whose trust changed; whoever stores it empties this."""

    def settle(self, task: Callable[[str], TaskState | None]) -> Tally:
        """Count again what changed; `task` gives a task by its thread."""
        for thread in self.changed:
            state = task(thread)
            if state is not None:
                self._count(thread, Counted.of(state))
        self.changed.clear()
        return self

    def _count(self, thread: str, now: Counted) -> None:
        before = self.counted.get(thread) or NOTHING
        if now == before:
            return
        self.counted[thread] = now
        if before.open_in != now.open_in:
            self._move(before.open_in, -1)
            self._move(now.open_in, 1)
        for actor, trust in before.trust:
            self._set(actor, self.trust.get(actor, NOBODY).minus(trust))
        for actor, trust in now.trust:
            self._set(actor, self.trust.get(actor, NOBODY).plus(trust))

    def _set(self, actor: str, trust: Trust) -> None:
        self.recounted.add(actor)
        self.trust[actor] = trust

    def _move(self, namespace: str, by: int) -> None:
        if namespace:
            self.open_tasks[namespace] = self.open_tasks.get(namespace, 0) + by
            if not self.open_tasks[namespace]:
                del self.open_tasks[namespace]

    def scores(self) -> dict[str, Trust]:
        """Everyone with a result or a judgement; `settle` first."""
        return {actor: trust for actor, trust in self.trust.items() if trust != NOBODY}
