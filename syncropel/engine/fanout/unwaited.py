"""Attempts that run although nobody waits for their results: their fan-out was over before they ended, or
another attempt has taken their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.tasks.state import TaskState
from syncropel.wire.fleet import RunningSpend


@dataclass(frozen=True, slots=True)
class Unwaited:
    """One of them. `spawn`: who runs it."""

    state: TaskState
    fanout: FanOut
    index: int
    attempt: int
    spawn: Spawn

    @property
    def is_current(self) -> bool:
        """Whether no other attempt has taken its place: its fan-out is over."""
        return self.fanout.attempt(self.index) == self.attempt


class UnwaitedWork:
    """Finds them among what instances say that they run: the log alone cannot tell an attempt that runs from
    one that its instance never took. `running`: by this instance and in the latest heartbeats.
    """

    def __init__(self, live: LiveFolds, running: Callable[[], Iterable[RunningSpend]]) -> None:
        self._live = live
        self._running = running

    def attempts(self) -> list[Unwaited]:
        """All that are known here, by task, index, and attempt."""
        found = [one for thread, intends in self._by_task().items() for one in self._of(thread, intends)]
        return sorted(found, key=lambda one: (one.state.thread, one.index, one.attempt))

    def over(self) -> list[Unwaited]:
        """Those whose fan-out was over before they ended."""
        return [one for one in self.attempts() if not one.fanout.active and one.is_current]

    def _by_task(self) -> dict[str, set[str]]:
        """The running child INTENDs of the fan-outs here, by the thread of the task."""
        parents, found = self._live.parents.fan_outs, defaultdict[str, set[str]](set)
        for one in self._running():
            if (thread := parents.get(one.child_thread)) is not None:
                found[thread].add(one.child_intend)
        return found

    def _of(self, thread: str, intends: set[str]) -> Iterator[Unwaited]:
        state = self._live.tasks.get(thread)
        fanout = state.fanout if state is not None else None
        if state is None or fanout is None or (fanout.active and not fanout.has_earlier):
            return
        for (index, attempt), spawn in fanout.unreported.items():
            waited_for = fanout.active and fanout.attempt(index) == attempt
            if spawn.child_intend in intends and not waited_for:
                yield Unwaited(state, fanout, index, attempt, spawn)
