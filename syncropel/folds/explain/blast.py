"""What a freeze set now would affect: folded once, for all who ask before they act."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncropel.folds.control.freezes import Control, Freeze
from syncropel.folds.control.namespaces import Namespaces, covers
from syncropel.folds.fanout.state import Spawn
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.freeze_levels import EVERYWHERE


@dataclass(frozen=True, slots=True)
class Met:
    """A fan-out that a freeze would affect: how much of it is in flight, how much waits, and the spend in
    flight.
    """

    thread: str
    alias: str
    namespace: str
    in_flight: int
    pending: int
    spend_usd: float


@dataclass(frozen=True, slots=True)
class Blast:
    """What a freeze of `namespace` (`*`: everything) would affect.

    `instances` are DIDs of those that run what is in flight; `descendants` the known namespaces below;
    `spend_usd` what the work in flight has spent, lost if it is ended; `frozen` the freezes that already
    cover it.
    """

    namespace: str
    fanouts: tuple[Met, ...]
    open_tasks: int
    instances: frozenset[str]
    descendants: tuple[str, ...]
    frozen: tuple[Freeze, ...]

    @property
    def in_flight(self) -> int:
        return sum(one.in_flight for one in self.fanouts)

    @property
    def pending(self) -> int:
        return sum(one.pending for one in self.fanouts)

    @property
    def spend_usd(self) -> float:
        return sum((one.spend_usd for one in self.fanouts), 0.0)


def blast(
    namespace: str,
    active: Iterable[TaskState],
    open_tasks: Mapping[str, int],
    used: Iterable[str],
    spending: Mapping[str, float],
    registry: Namespaces,
    control: Control,
    unwaited: Iterable[tuple[TaskState, Spawn]] = (),
) -> Blast:
    """What a freeze of `namespace` would affect.

    `active`: the tasks whose fan-out has not joined; `open_tasks`: how many tasks may still continue, by
    namespace; `used`: every namespace in which there was work; `spending`: live spend in US dollars by child
    INTEND; `unwaited`: attempts that run although nobody waits for their results, with their tasks.
    """

    def is_inside(one: str) -> bool:
        return namespace == EVERYWHERE or covers(namespace, one)

    known = {one.id for one in registry.known.values() if one.state == "active"}
    met: list[Met] = []
    instances: set[str] = set()
    known.update(used)
    running: defaultdict[str, list[Spawn]] = defaultdict(list)
    ended: dict[str, TaskState] = {}
    for state, spawn in unwaited:
        running[state.thread].append(spawn)
        if state.fanout is not None and not state.fanout.active:
            ended[state.thread] = state
    for state in (*active, *ended.values()):
        if state.fanout is None or not is_inside(state.namespace):
            continue
        children = fan_out_children(state.fanout) if state.fanout.active else []
        runs = [child.spawn for child in children if child.state == "in_progress" and child.spawn is not None]
        runs += running[state.thread]
        instances.update(spawn.instance for spawn in runs)
        met.append(
            Met(
                state.thread,
                state.alias,
                state.namespace,
                len(runs),
                sum(child.state in ("pending", "blocked") for child in children),
                sum((spending.get(spawn.child_intend, 0.0) for spawn in runs), 0.0),
            )
        )
    met.sort(key=lambda one: (-one.in_flight, -one.pending, one.alias, one.thread))
    below = sorted(one for one in known if one != namespace and is_inside(one))
    over = control.covering(namespace) if namespace != EVERYWHERE else control.active()
    still_open = sum(count for one, count in open_tasks.items() if is_inside(one))
    return Blast(namespace, tuple(met), still_open, frozenset(instances), tuple(below), tuple(over))
