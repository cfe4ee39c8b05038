"""Tasks and fan-outs as the API returns them: wire models made from the live folds."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

from syncropel.api.tasks.added_views import added_by, refused
from syncropel.api.tasks.agent_views import agent_out, gate_out, worktree_out
from syncropel.api.tasks.attempt_views import Lost, earlier, ended_at, ran_from
from syncropel.api.tasks.merge_views import tell_merged
from syncropel.api.tasks.review_views import all_reviews, reviews_of
from syncropel.api.tasks.talk_views import talk_out, tell_asked, tell_said
from syncropel.api.tasks.waiting import (
    NOT_SPAWNED,
    Look,
    Progress,
    Running,
    held_by,
    slots,
    taken_over,
    why_pending,
)
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.reassignment import spent_usd
from syncropel.errors import Conflict, NotFound
from syncropel.folds.fanout.join import JoinDecision
from syncropel.folds.fanout.last_words import last_words
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.speedup import measured, path_of
from syncropel.folds.fanout.state import ACCEPT, FanOut
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.fleet.routing import route
from syncropel.folds.tasks.state import TaskState, status_now
from syncropel.policy.joining import decide_join, decide_join_now
from syncropel.wire import ChildOut, JoinStatus, StopOut, TaskDetail, TaskSummary

Place = tuple[str | None, Progress]
"""Where a subtask is or would go (a DID), and its progress there."""
Slot = tuple[int, int]
"""A subtask and its attempt."""


def find_task(engine: Engine, name: str) -> TaskState:
    """A task by alias or thread id. Raises NotFound."""
    state = engine.ingest.live.task(name)
    if state is None:
        raise NotFound(f"no task {name!r}", "see the tasks: spl task list")
    return state


def find_fan_out(state: TaskState) -> FanOut:
    """The task's fan-out. Raises Conflict when it has none."""
    if state.fanout is None:
        name = state.alias or state.thread
        raise Conflict(
            f"{name} is not fanned out", f"fan it out: spl task fan-out {name} --subtask … --join all"
        )
    return state.fanout


def actor_name(own_did: str, actor: str | None) -> str | None:
    """An actor as a person reads it: this instance's own DID is the engine."""
    return "engine" if actor == own_did else actor


def quick_satisfiable(state: TaskState, children: list[Child]) -> bool:
    """Whether an active fan-out can still join, without waiting for a slow expression."""
    if state.fanout is None or not state.fanout.active:
        return True
    return decide_join_now(state.fanout, children, state.alias, {}).satisfiable


def task_summary(state: TaskState) -> TaskSummary:
    """One row of the task list."""
    return TaskSummary(**_summary_fields(state))


def _summary_fields(state: TaskState) -> dict[str, Any]:
    children = fan_out_children(state.fanout) if state.fanout else []
    satisfiable = quick_satisfiable(state, children)
    return {
        "thread": state.thread,
        "alias": state.alias,
        "goal": state.goal,
        "status": status_now(state, satisfiable),
        "priority": state.priority,
        "domain": state.domain,
        "namespace": state.namespace,
        "parent_thread": state.parent_thread,
        "labels": state.labels,
        "records": state.records,
        "created_at": state.created_at,
        "updated_at": state.updated_at,
        "revision": state.sequence,
        "subtasks": len(children),
        "spawned": sum(child.spawn is not None for child in children),
        "completed": sum(child.finished for child in children),
        "accepted": sum(child.state == ACCEPT for child in children),
        "joined": state.fanout is not None and state.fanout.joined is not None,
        "satisfiable": satisfiable,
        "cost_usd": state.fanout.cost_usd if state.fanout else 0.0,
        "cost_unknown": state.fanout is not None and not state.fanout.cost_known,
    }


def task_detail(state: TaskState, own_did: str) -> TaskDetail:
    """Everything about one task."""
    fanout = state.fanout
    return TaskDetail(
        **_summary_fields(state),
        hypothesis=state.hypothesis,
        criteria=state.criteria,
        assignee=state.assignee,
        completed_by=actor_name(own_did, state.completed_by),
        verdict=state.verdict,
        verdict_by=actor_name(own_did, state.verdict_by),
        summary=state.summary,
        reason=state.reason,
        attempts_failed=sum(one.verdict != ACCEPT for one in fanout.reports.values()) if fanout else 0,
        trigger=state.trigger,
        triggered_by=state.triggered_by,
        budget_usd=fanout.budget_usd if fanout else None,
        talk=talk_out(fanout),
        reviews=all_reviews(fanout) if fanout else [],
    )


async def join_status(engine: Engine, state: TaskState) -> JoinStatus:
    """The current join of a fan-out: every subtask, and why it is joined, not yet, or never."""
    fanout = find_fan_out(state)
    names = engine.ingest.live.names()
    children = fan_out_children(fanout)
    look = Look(engine)
    _, decision = await decide_join(fanout, children, state.alias, look.names)
    place = _places_now(engine, fanout, look)
    parts = [parts_of(engine, child.spawn.child_thread) if child.spawn else [] for child in children]
    out = [
        _child_out(fanout, child, place(child), names, look.running, inner, look.lost)
        for child, inner in zip(children, parts, strict=True)
    ]
    tell_merged(out, state.merges)
    tell_asked(out, engine, fanout)
    tell_said(out, state, fanout)
    spent = spent_usd(fanout, look.spending)
    status = _join_view(state, fanout, children, decision, out, spent, parts_of(engine, state.thread))
    took = measured(fanout, slots(engine))
    return status.model_copy(
        update={
            "stops": stops_of(engine, fanout, engine.runtime.now()),
            "speedup": took.speedup if took is not None else None,
        }
    )


def stops_of(engine: Engine, fanout: FanOut, until: float) -> list[StopOut]:
    """When the fan-out's namespace was frozen, from its start to its join, or `until` (unix seconds)."""
    end = fanout.joined.at if fanout.joined is not None else until
    found = engine.ingest.live.stops.during(fanout.spec.namespace, fanout.at, end)
    return [StopOut(begin=one.begin, end=one.end) for one in found]


def parts_of(engine: Engine, thread: str) -> Sequence[TaskSummary]:
    """The tasks that are a part of this thread's work, in order of creation."""
    live = engine.ingest.live
    found = [task for part in live.parts.get(thread) or () if (task := live.tasks.get(part)) is not None]
    return [task_summary(one) for one in sorted(found, key=lambda one: (one.created_at, one.thread))]


MadeChildren = dict[Hashable, ChildOut]
"""Wire models of subtasks made earlier: from one record to the next nearly all stay the same."""
_MOST_MADE: Final = 20_000


def join_status_then(
    state: TaskState,
    fanout: FanOut,
    decide_: Callable[[list[Child]], JoinDecision],
    names: dict[str, str],
    made: MadeChildren,
    began: Mapping[Slot, float],
    slots: Mapping[str, int],
) -> JoinStatus:
    """The join of a fan-out with this state, which may be a past one.

    `made` is kept by the caller for this fan-out and these names. `began`: since when attempts ran that had
    no result then, as later records tell (unix seconds). `slots`: goals at once, by the instance's DID.
    """
    children = fan_out_children(fanout)
    if len(made) > _MOST_MADE:
        made.clear()

    def place(child: Child) -> Place:
        if child.spawn is None and not fanout.active:
            return None, NOT_SPAWNED
        if child.spawn is None:
            return None, Progress(why=why_pending(fanout, child, "", names))
        why = "" if child.finished else taken_over(fanout, child.index, names)
        return child.spawn.instance, Progress(began.get((child.index, child.attempt)), why=why)

    def out(child: Child) -> ChildOut:
        found = place(child)
        spawn, report = child.spawn and child.spawn.key, child.report and child.report.key
        asked = _asked(fanout, child)
        seen = (child.index, child.subtask.target, child.state, child.attempt, child.waits_for, asked)
        key = (seen, found, spawn, report, fanout.reviews.count(child.index))
        known = made.get(key)
        if known is None:
            known = made[key] = _child_out(fanout, child, found, names, {})
        return known

    status = _join_view(state, fanout, children, decide_(children), list(map(out, children)), fanout.cost_usd)
    took = measured(fanout, slots)
    return status.model_copy(update={"speedup": took.speedup if took is not None else None})


def _join_view(
    state: TaskState,
    fanout: FanOut,
    children: list[Child],
    decision: JoinDecision,
    out: list[ChildOut],
    cost_usd: float,
    parts: Sequence[TaskSummary] = (),
) -> JoinStatus:
    path = path_of(fanout, children)
    joined = fanout.joined
    active = fanout.active
    satisfiable = decision.satisfiable or not active
    return JoinStatus(
        thread=state.thread,
        alias=state.alias,
        goal=state.goal,
        namespace=fanout.spec.namespace,
        status=status_now(state, satisfiable),
        parent_intend=fanout.intend,
        join=fanout.join,
        complete=joined is not None,
        verdict=joined.verdict if joined else None,
        satisfiable=satisfiable,
        explanation=_explanation(fanout, decision),
        problem=decision.problem if active else "",
        hint=_hint(state, fanout, decision) if active else "",
        blame=list(decision.blame) if active else [],
        subtasks=out,
        parts=list(parts),
        spawned=sum(child.spawn is not None for child in children),
        completed=sum(child.finished for child in children),
        accepted=sum(child.state == ACCEPT for child in children),
        cost_usd=cost_usd,
        cost_unknown=not fanout.cost_known,
        budget_usd=fanout.budget_usd,
        asked_budget_usd=fanout.spec.budget_usd,
        budget_exceeded=fanout.moves.exceeded,
        may_add=fanout.spec.may_add,
        add_depth=fanout.spec.add_depth,
        refused=refused(fanout),
        started_at=fanout.at,
        joined_at=joined.at if joined else None,
        critical_path=list(path.indexes),
        revision=state.sequence,
    )


def _explanation(fanout: FanOut, decision: JoinDecision) -> str:
    if fanout.joined is not None:
        return fanout.joined.explanation or decision.explanation
    return "cancelled" if fanout.cancelled else decision.explanation


def _hint(state: TaskState, fanout: FanOut, decision: JoinDecision) -> str:
    if decision.satisfiable:
        return ""
    name = state.alias or state.thread
    if fanout.moves.exceeded:
        return f"spl task amend {name} --budget USD"
    if not decision.blame:
        return f"spl task amend {name} --join EXPRESSION"
    return "; ".join(f"spl task retry {name} --subtask {index}" for index in decision.blame[:3])


def _places_now(engine: Engine, fanout: FanOut, look: Look) -> Callable[[Child], Place]:
    candidates = engine.leases.candidates()
    load = engine.fan_outs.reconciler.load()
    freezes = engine.ingest.live.control.covering(fanout.spec.namespace)
    turn = progress_of(fanout).turn if fanout.active else 0
    names = engine.ingest.live.names()

    def place(child: Child) -> Place:
        if child.spawn is None and not fanout.active:
            return None, NOT_SPAWNED
        if child.spawn is None:
            routed = route(child.subtask.target, candidates, load, turn, child.subtask.adapter)
            why = engine.fan_outs.gates.why(fanout.thread, child) or routed.why
            told = held_by(freezes[-1]) if freezes else why_pending(fanout, child, why, names)
            return routed.did, Progress(why=told)
        if child.report is None:
            return child.spawn.instance, look.progress(fanout, child, child.spawn)
        return child.spawn.instance, Progress()

    return place


def _asked(fanout: FanOut, child: Child) -> str:
    ask = fanout.asks.get(child.index)
    return ask.rule if ask is not None and not ask.verdict and not child.finished else ""


def _child_out(
    fanout: FanOut,
    child: Child,
    place: Place,
    names: dict[str, str],
    running: Mapping[str, Running],
    parts: Sequence[TaskSummary] = (),
    lost: Lost = lambda _: (None, None),
) -> ChildOut:
    subtask, report, spawn = child.subtask, child.report, child.spawn
    spends = (running.get(spawn.child_intend) if spawn else None) or Running()
    instance, progress = place
    return ChildOut(
        index=subtask.index,
        goal=subtask.goal,
        target=subtask.target,
        instance=instance,
        instance_alias=names.get(instance) if instance else None,
        predicted=spawn is None,
        state=child.state,  # type: ignore[arg-type]  # the fold's states are the wire's
        why=progress.why,
        asked=_asked(fanout, child),
        verdict=report.verdict if report else None,
        reason=report.reason if report else "",
        summary=report.summary if report else "",
        last_words=last_words(report.summary) if report else "",
        output=report.output if report else None,
        cost_usd=report.cost_usd if report else spends.cost_usd,
        cost_unknown=not report.cost_known if report else spends.cost_unknown,
        budget_usd=subtask.budget_usd or (report.budget_usd if report else spends.budget_usd),
        budget_tokens=subtask.budget_tokens,
        repo=subtask.repo,
        wall_time_secs=report.wall_time_secs if report else None,
        timeout_secs=subtask.timeout_secs,
        agent=agent_out(report.agent) if report else None,
        gate=gate_out(report.gate) if report else None,
        attempt=child.attempt,
        depends_on=list(subtask.depends_on),
        waits_for=list(child.waits_for),
        added_by=added_by(fanout, subtask.index),
        child_thread=spawn.child_thread if spawn else None,
        spawned_at=spawn.at if spawn else None,
        began_at=ran_from(spawn, report) if report else progress.began_at,
        finished_at=ended_at(spawn, report) if report else None,
        lost_at=progress.lost_at,
        standing=progress.standing,
        queued=progress.queued,
        hangs=progress.hangs,
        earlier=earlier(fanout, child, lost, names),
        progress="" if report else spends.progress,
        progress_at=None if report else spends.progress_at,
        adapter=subtask.adapter,
        model=subtask.model or "",
        parts=list(parts),
        worktree=worktree_out(report.worktree) if report else None,
        reviews=reviews_of(fanout, child.index),
    )
