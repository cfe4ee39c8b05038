"""The attempts at a subtask, and when an attempt ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from syncropel.api.tasks.agent_views import agent_out, gate_out, worktree_out
from syncropel.api.tasks.review_views import reviews_of
from syncropel.folds.fanout.last_words import last_words
from syncropel.folds.fanout.report import Report
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.fanout.subtasks import Child
from syncropel.wire import AttemptOut

Lost = Callable[[Spawn], tuple[float | None, float | None]]
"""Since when an attempt without a result ran, and when it was lost with its instance (unix seconds)."""


def earlier(fanout: FanOut, child: Child, lost: Lost, names: Mapping[str, str]) -> list[AttemptOut]:
    """The attempts at a subtask before its current one. `names`: aliases of instances by DID."""
    return attempts(fanout, child.index, range(1, child.attempt), lost, names) if child.attempt > 1 else []


def attempts(
    fanout: FanOut, index: int, numbers: range, lost: Lost, names: Mapping[str, str]
) -> list[AttemptOut]:
    """Those of these attempts at a subtask that were given to an instance."""
    taken = {one.attempt: one for one in fanout.moves.reassigned.get(index, ())}

    def until(attempt: int, spawn: Spawn) -> tuple[float | None, float | None]:
        known = taken.get(attempt)
        return (known.began_at, known.lost_at) if known is not None and known.lost_at else lost(spawn)

    made = []
    for attempt in numbers:
        spawn, report = fanout.spawns.get((index, attempt)), fanout.reports.get((index, attempt))
        if spawn is None:
            continue
        began, lost_at = until(attempt, spawn) if report is None else (ran_from(spawn, report), None)
        out = AttemptOut(
            attempt=attempt,
            state="in_progress",
            instance=spawn.instance,
            instance_alias=names.get(spawn.instance, ""),
            spawned_at=spawn.at,
            began_at=began,
            lost_at=lost_at,
            hint=fanout.hint(index, attempt),
            model=fanout.models.get(index) or fanout.spec.subtasks[index].model or "",
            reviews=reviews_of(fanout, index, attempt),
        )
        made.append(out if report is None else _with_result(out, spawn, report))
    return made


def _with_result(out: AttemptOut, spawn: Spawn, report: Report) -> AttemptOut:
    agent = agent_out(report.agent)
    told = {
        "state": report.verdict,
        "finished_at": ended_at(spawn, report),
        "reason": report.reason,
        "summary": report.summary,
        "last_words": last_words(report.summary),
        "cost_usd": report.cost_usd,
        "cost_unknown": not report.cost_known,
        "wall_time_secs": report.wall_time_secs,
        "gate": gate_out(report.gate),
        "worktree": worktree_out(report.worktree),
    }
    if agent is not None:
        told |= {"tokens": agent.tokens, "model": agent.model or out.model}
    return out.model_copy(update=told)


def ended_at(spawn: Spawn | None, report: Report) -> float:
    """When an attempt ended, in unix seconds; never before it was assigned, whatever a worker's
    clock says."""
    return max(report.ended_at, spawn.at) if spawn is not None else report.ended_at


def ran_from(spawn: Spawn | None, report: Report) -> float:
    """When an attempt with a result began to run, in unix seconds: its end minus its duration."""
    end = ended_at(spawn, report)
    began = end - max(0.0, report.wall_time_secs)
    return max(began, spawn.at) if spawn is not None else began
