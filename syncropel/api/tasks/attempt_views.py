"""The attempts at a subtask before its current one, and when an attempt ran."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.folds.fanout.state import FanOut, Report, Spawn
from syncropel.folds.fanout.subtasks import Child
from syncropel.wire import AttemptOut

Lost = Callable[[Spawn], tuple[float | None, float | None]]
"""Since when an attempt without a result ran, and when it was lost with its instance (unix seconds)."""


def earlier(fanout: FanOut, child: Child, lost: Lost) -> list[AttemptOut]:
    """The attempts at a subtask before its current one."""
    if child.attempt == 1:
        return []
    taken = {one.attempt: one for one in fanout.moves.reassigned.get(child.index, ())}

    def until(attempt: int, spawn: Spawn) -> tuple[float | None, float | None]:
        known = taken.get(attempt)
        return (known.began_at, known.lost_at) if known is not None and known.lost_at else lost(spawn)

    slots = ((child.index, attempt) for attempt in range(1, child.attempt))
    found = ((slot[1], fanout.spawns.get(slot), fanout.reports.get(slot)) for slot in slots)
    made = []
    for attempt, spawn, report in found:
        if spawn is None:
            continue
        began, lost_at = until(attempt, spawn) if report is None else (ran_from(spawn, report), None)
        made.append(
            AttemptOut(
                attempt=attempt,
                state=report.verdict if report else "in_progress",  # type: ignore[arg-type]
                instance=spawn.instance,
                spawned_at=spawn.at,
                began_at=began,
                finished_at=ended_at(spawn, report) if report else None,
                lost_at=lost_at,
            )
        )
    return made


def ended_at(spawn: Spawn | None, report: Report) -> float:
    """When an attempt ended, in unix seconds; never before it was assigned, whatever a worker's
    clock says."""
    return max(report.ended_at, spawn.at) if spawn is not None else report.ended_at


def ran_from(spawn: Spawn | None, report: Report) -> float:
    """When an attempt with a result began to run, in unix seconds: its end minus its duration."""
    end = ended_at(spawn, report)
    began = end - max(0.0, report.wall_time_secs)
    return max(began, spawn.at) if spawn is not None else began
