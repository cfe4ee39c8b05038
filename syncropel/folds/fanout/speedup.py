"""The gain from parallelism: the sum of all wall times against the critical path, and against the elapsed
time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import Child


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The chain of subtasks that sets the lower bound of the fan-out's duration. Seconds."""

    indexes: tuple[int, ...]
    secs: float


def critical_path(walls: Sequence[float | None], depends_on: Sequence[Sequence[int]]) -> CriticalPath:
    """Longest path through the dependency graph, weighted by wall time (critical path method, Kelley and
    Walker, 1959). A subtask without a result counts 0; of equal paths the one with the lowest indexes wins.

    The graph must not contain a cycle.
    """
    best: dict[int, tuple[float, int | None]] = {}
    for start in range(len(walls)):
        stack = [start]
        while stack:
            node = stack[-1]
            unknown = [other for other in depends_on[node] if other not in best]
            if unknown:
                stack.extend(unknown)
                continue
            stack.pop()
            if node not in best:
                before = max(depends_on[node], key=lambda other: (best[other][0], -other), default=None)
                ahead = 0.0 if before is None else best[before][0]
                best[node] = (ahead + (walls[node] or 0.0), before)
    if not best:
        return CriticalPath((), 0.0)
    last: int | None = max(best, key=lambda node: (best[node][0], -node))
    secs = best[last][0] if last is not None else 0.0
    path: list[int] = []
    while last is not None:
        path.append(last)
        last = best[last][1]
    return CriticalPath(tuple(reversed(path)), secs)


@dataclass(frozen=True, slots=True)
class SpeedupReport:
    """Wall times in seconds by index (None: no result yet), and the resulting estimate. `late`: subtasks
    whose result came after the join; they do not count.
    """

    walls: tuple[float | None, ...]
    path: CriticalPath
    serial_estimate_secs: float
    total_cost_usd: float
    late: tuple[int, ...] = ()

    @property
    def estimated_speedup(self) -> float | None:
        """Sum of the wall times over the critical path; None while nothing has run."""
        return self.serial_estimate_secs / self.path.secs if self.path.secs > 0 else None


def speedup(fanout: FanOut, children: Sequence[Child]) -> SpeedupReport:
    """The report over these subtasks' current attempts."""
    walls = tuple(child.report.wall_time_secs if child.report else None for child in children)
    late = tuple(
        child.index for child in children if child.report is not None and is_late(fanout, child.report)
    )
    path = path_of(fanout, children)
    counted = (wall or 0.0 for index, wall in enumerate(walls) if index not in late)
    return SpeedupReport(walls, path, sum(counted), fanout.cost_usd, late)


def path_of(fanout: FanOut, children: Sequence[Child]) -> CriticalPath:
    """The critical path of what has ended so far, or had when the fan-out joined."""
    counted = (
        None if child.report is None or is_late(fanout, child.report) else child.report for child in children
    )
    walls = [None if report is None else report.wall_time_secs for report in counted]
    return critical_path(walls, [child.subtask.depends_on for child in children])


def is_late(fanout: FanOut, report: Report) -> bool:
    """Whether this result was appended after the join."""
    return fanout.joined is not None and report.taken_at > fanout.joined.taken_at


@dataclass(frozen=True, slots=True)
class Measured:
    """The measured times of a joined fan-out, in seconds. Only results in the log by then count.

    `elapsed_secs` from the fan-out to its join; `work_secs` is the sum of the wall times; `queued_secs` how
    long subtasks waited between being assigned and begun, `longest_queue_secs` the longest such wait.
    `slots`: how many goals its instances run at once, as far as is known.
    """

    elapsed_secs: float
    work_secs: float
    queued_secs: float
    longest_queue_secs: float
    slots: int | None

    @property
    def speedup(self) -> float | None:
        """The work divided by the elapsed time, never above the number of slots; None when it
        took no time."""
        if self.elapsed_secs <= 0 or self.work_secs <= 0:
            return None
        ratio = self.work_secs / self.elapsed_secs
        return ratio if self.slots is None else min(ratio, float(self.slots))


def measured(fanout: FanOut, slots: Mapping[str, int]) -> Measured | None:
    """The measurement of this fan-out; None until it has joined. `slots`: goals at once, by the instance's
    DID.
    """
    joined = fanout.joined
    if joined is None:
        return None
    work, queues, used = 0.0, [0.0], set[str]()
    for index in range(len(fanout.spec.subtasks)):
        spawn, report = fanout.spawn(index), fanout.report(index)
        if spawn is None or report is None or is_late(fanout, report):
            continue
        wall = max(0.0, report.wall_time_secs)
        work += wall
        queues.append(max(0.0, report.ended_at - wall - spawn.at))
        used.add(spawn.instance)
    known = [slots.get(did, 0) for did in used]
    return Measured(
        max(0.0, joined.at - fanout.at),
        work,
        sum(queues),
        max(queues),
        sum(known) if known and all(known) else None,
    )
