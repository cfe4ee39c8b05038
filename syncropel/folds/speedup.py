"""What parallelism bought: the critical path over the dependencies against the sum of all walls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncropel.folds.subtasks import Child


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The chain of subtasks that the fan-out could not have been faster than. Seconds."""

    indexes: tuple[int, ...]
    secs: float


def critical_path(walls: Sequence[float | None], depends_on: Sequence[Sequence[int]]) -> CriticalPath:
    """Longest path through the dependency graph, weighted by wall time (critical path method, Kelley and
    Walker, 1959). A subtask without a result counts 0; of equal paths the one with the lowest indexes wins.

    The graph must hold no cycle.
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
    """Walls in seconds by index (None: no result yet), and the estimate that follows from them."""

    walls: tuple[float | None, ...]
    path: CriticalPath
    serial_estimate_secs: float
    total_cost_usd: float

    @property
    def estimated_speedup(self) -> float | None:
        """Sum of the walls over the critical path; None while nothing has run."""
        return self.serial_estimate_secs / self.path.secs if self.path.secs > 0 else None


def speedup(kids: Sequence[Child], total_cost_usd: float) -> SpeedupReport:
    """The report over these subtasks' current attempts."""
    walls = tuple(kid.report.wall_time_secs if kid.report else None for kid in kids)
    path = critical_path(walls, [kid.subtask.depends_on for kid in kids])
    return SpeedupReport(walls, path, sum(wall or 0.0 for wall in walls), total_cost_usd)
