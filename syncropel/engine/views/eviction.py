"""What of the live folds stays in memory: what is open, what is not in the views yet, and the latest rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout.child import ChildState
from syncropel.folds.forks.state import Forks
from syncropel.folds.tasks.state import TaskState
from syncropel.folds.working_set import WorkingSet
from syncropel.record.threads import RESERVED


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held in memory without need. `records`: of tasks, of subtasks, and of threads
    with forks."""

    threads: int = 20_000
    records: int = 30_000
    links: int = 20_000
    """Parents, aliases, and spend: of each."""
    newest: int = 64
    """Tasks, subtasks, and threads with forks that stay however long they are: somebody looks at them."""


def evict(live: LiveFolds, limits: Limits) -> None:
    """Forget what is above the limits, the longest held first. What just changed, is open, or is to be
    folded again stays. To be called right after a write: what is forgotten must be in the views.
    """
    changed = live.changes.threads

    def is_closed(thread: str) -> bool:
        return not (
            thread in changed
            or thread in live.active
            or thread in live.open_children
            or thread in live.stale
            or thread in live.arriving
            or thread in RESERVED
            or live.folded_through.get(thread, 0) > live.applied
        )

    states: tuple[WorkingSet[Any], ...] = (live.tasks, live.children, live.forks)
    _shrink(live.index.threads, limits.threads, is_closed)
    for held in states:
        _shrink_by_records(held, limits, is_closed)
    for thread in [one for one, through in live.folded_through.items() if through <= live.applied]:
        if live.tasks.peek(thread) is None:
            del live.folded_through[thread]
    touched = [state for thread in changed if (state := live.tasks.peek(thread)) is not None]
    parents, aliases = {one.parent_thread for one in touched}, {one.alias for one in touched}
    observed = {intend for _, _, intend in live.changes.observed}
    _shrink(live.tally.counted, limits.threads, lambda key: key not in live.tally.changed and is_closed(key))
    _shrink(live.parents.fan_outs, limits.links, lambda key: key not in live.changes.spawned)
    _shrink(live.parents.forks, limits.links, lambda key: key not in live.changes.forked)
    _shrink(live.parts, limits.links, lambda key: key not in parents)
    _shrink(live.aliases, limits.links, lambda key: key not in aliases)
    _shrink(live.spend.by_intend, limits.links, lambda key: key not in observed)
    _shrink(live.talks.by_intend, limits.links, lambda key: key not in observed)


def _shrink(held: WorkingSet[Any], limit: int, may_go: Callable[[str], bool]) -> None:
    over = len(held) - limit
    if over <= 0:
        return
    for key, _ in held.held():
        if may_go(key):
            held.forget(key)
            over -= 1
            if over <= 0:
                return


def _shrink_by_records(held: WorkingSet[Any], limits: Limits, may_go: Callable[[str], bool]) -> None:
    """As `_shrink`, where a value weighs what its thread's records do."""
    weights = [(key, _weight(value)) for key, value in held.held()]
    over = sum(weight for _, weight in weights) - limits.records
    for key, weight in weights[: max(0, len(weights) - limits.newest)]:
        if over <= 0:
            return
        if may_go(key):
            held.forget(key)
            over -= weight


def _weight(value: TaskState | ChildState | Forks) -> int:
    if isinstance(value, TaskState):
        return value.records
    if isinstance(value, ChildState):
        return 1 + len(value.intends) + len(value.results)
    return 1 + len(value.forks) + len(value.results)
