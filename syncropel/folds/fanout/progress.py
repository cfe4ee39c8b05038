"""How far a running fan-out is, kept up to date: the cost of a look follows from what changed since the last
one, not from the number of subtasks.

It says what `fan_out_children` says about the same fan-out, and is only for the event loop, which applies
records: it changes as it is read.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from typing import Any, Final

from syncropel.folds.fanout.state import ACCEPT, VERDICTS, FanOut, Spawn
from syncropel.folds.fanout.subtasks import Child, child_at, dependency_order, own_state, states_of, stops
from syncropel.folds.fanout.tally import cel_child

ROUND_ROBIN: Final = "round-robin"


class Progress:
    """Counts, queues, and subtasks of one fan-out, as a `Tally` of its join and for who spawns and delivers.

    `started`: the index of each attempt in the order in which they began to run; it only grows, so a reader
    keeps its position. `running`: the current attempts without a result, by instance and index. `turn`: how
    many round-robin subtasks were routed so far.
    """

    def __init__(self, fanout: FanOut) -> None:
        self._fanout = fanout
        self._states = states_of(fanout)
        self._children: list[Child | None] = [None] * len(self._states)
        self._cel: list[dict[str, Any] | None] = [None] * len(self._states)
        self._changed: set[int] = set()
        self._rank = {index: at for at, index in enumerate(dependency_order(fanout.spec.subtasks))}
        self._dependents: defaultdict[int, list[int]] = defaultdict(list)
        self._unmet: dict[int, int] = {}
        self._stopped: dict[int, int] = {}
        """How many predecessors of a subtask have not accepted, and how many of these will not."""
        for index in self._rank:
            befores = fanout.spec.subtasks[index].depends_on
            for before in befores:
                self._dependents[before].append(index)
            self._unmet[index] = sum(self._states[before] != ACCEPT for before in befores)
            self._stopped[index] = sum(stops(self._states[before]) for before in befores)
        self.total = len(self._states)
        self.accepted = 0
        self.unfinished: list[int] = []
        self.failed: list[int] = []
        self.blocked: list[int] = []
        self.turn = 0
        self.started: list[int] = []
        self.running: defaultdict[str, dict[int, Spawn]] = defaultdict(dict)
        self._spawns: dict[int, Spawn] = {}
        self._ready: set[int] = set()
        self._turns: dict[int, int] = {}
        for index, state in enumerate(self._states):
            self._enter(index, state)
            self._follow(index)

    def changed(self, index: int) -> None:
        """A record about this subtask was applied."""
        self._changed.add(index)

    def child(self, index: int) -> Child:
        """One subtask with its current state."""
        child = self._children[index]
        if child is None:
            child = self._children[index] = child_at(self._fanout, index, self._states)
        return child

    def children(self) -> list[Child]:
        """All subtasks, by index. Later changes do not reach what was returned."""
        return [self.child(index) for index in range(self.total)]

    def ready(self) -> list[Child]:
        """Subtasks that may be assigned now: all they wait for was accepted. By index."""
        return [self.child(index) for index in sorted(self._ready)]

    def cel_children(self) -> list[dict[str, Any]]:
        """All subtasks as a join expression sees them. Later changes do not reach what was returned."""
        return [known if known is not None else self._cel_at(index) for index, known in enumerate(self._cel)]

    def _cel_at(self, index: int) -> dict[str, Any]:
        made = self._cel[index] = cel_child(self.child(index))
        return made

    def catch_up(self) -> None:
        """Take in what changed since the last call."""
        # Each subtask after all that it waits for: so it is looked at once, whatever became of these.
        waiting = [(self._rank.get(index, -1), index) for index in self._changed]
        heapify(waiting)
        while waiting:
            _, index = heappop(waiting)
            before, after = self._states[index], own_state(self._fanout, index)
            if after == "pending" and self._stopped.get(index):
                after = "blocked"
            self._children[index] = self._cel[index] = None
            if after != before:
                self._states[index] = after
                self._leave(index, before)
                self._enter(index, after)
                for dependent in self._affected(index, before, after):
                    heappush(waiting, (self._rank[dependent], dependent))
            self._follow(index)
        self._changed.clear()

    def _affected(self, index: int, before: str, after: str) -> Iterator[int]:
        """The subtasks to look at again because one that they wait for went from one state to another."""
        unmet, stopped = (after != ACCEPT) - (before != ACCEPT), stops(after) - stops(before)
        if not (unmet or stopped):
            return
        for dependent in self._dependents.get(index, ()):
            self._unmet[dependent] += unmet
            self._stopped[dependent] += stopped
            if dependent not in self._changed:
                self._changed.add(dependent)
                yield dependent

    def _enter(self, index: int, state: str) -> None:
        if state == ACCEPT:
            self.accepted += 1
            return
        insort(self.failed if state in VERDICTS else self.unfinished, index)
        if state == "blocked":
            insort(self.blocked, index)

    def _leave(self, index: int, state: str) -> None:
        if state == ACCEPT:
            self.accepted -= 1
            return
        _remove(self.failed if state in VERDICTS else self.unfinished, index)
        if state == "blocked":
            _remove(self.blocked, index)

    def _follow(self, index: int) -> None:
        """Whether a subtask may be spawned, where it runs, and how often it was routed in turn."""
        state, fanout = self._states[index], self._fanout
        if state == "pending" and not self._unmet.get(index):
            self._ready.add(index)
        else:
            self._ready.discard(index)
        attempt = fanout.attempt(index)
        spawn = fanout.spawns.get((index, attempt)) if state == "in_progress" else None
        before = self._spawns.get(index)
        if spawn is not before:
            if before is not None:
                del self.running[before.instance][index], self._spawns[index]
            if spawn is not None:
                self._spawns[index] = self.running[spawn.instance][index] = spawn
                self.started.append(index)
        target = fanout.targets.get(index, fanout.spec.subtasks[index].target)
        if target == ROUND_ROBIN or index in self._turns:
            turns = sum((index, number) in fanout.spawns for number in range(1, attempt + 1))
            turns *= target == ROUND_ROBIN
            self.turn += turns - self._turns.get(index, 0)
            self._turns[index] = turns


def _remove(ordered: list[int], index: int) -> None:
    del ordered[bisect_left(ordered, index)]


def progress_of(fanout: FanOut) -> Progress:
    """The progress of a fan-out as it stands now. Only for the event loop, and for one that is running."""
    progress = fanout.progress
    if not isinstance(progress, Progress):
        progress = fanout.progress = Progress(fanout)
    progress.catch_up()
    return progress
