"""/v1/tasks/{name}/why and /what-if."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter

from syncropel.api.replay.replays import Replays
from syncropel.api.tasks.fork_views import child_threads, find_parent
from syncropel.api.tasks.task_views import find_fan_out, find_task, join_status, task_detail
from syncropel.engine.engine import Engine
from syncropel.engine.forks.child_threads import children_of, join_over_children
from syncropel.folds.base.order import fold_order
from syncropel.folds.explain.plain_parent import why_plain
from syncropel.folds.explain.what_if import Satisfied, Tipping, accepts, real_tipping_point, tipping_point
from syncropel.folds.explain.why import Circumstances, Why, why
from syncropel.folds.fanout.join import JoinDecision, JoinRule
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.replay.walk import Replay
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.joining import (
    check_join,
    decide_fork_join,
    decide_join,
    decide_join_from_thread,
    parse_join_safely,
)
from syncropel.wire.explain import JoinMoment, ProofOut, TaskWhy, WhatIf, WhatIfBar
from syncropel.wire.tasks import JoinStatus


def router(engine: Engine, replays: Replays) -> APIRouter:
    """The routes that explain tasks, using the same replays that are shown."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/v1/tasks/{name}/why")
    async def get_why(name: str) -> TaskWhy:
        """Why the task has its status: a sentence, and the records that prove it.

        Also for a plain thread with child threads.
        """
        state = find_parent(engine, name)
        if state is None:
            return await _plain_parent(engine, replays, name)
        now, status = await _circumstances(engine, state)

        def see(replay: Replay) -> Why:
            tipped = real_tipping_point(replay, _by_its_own(state.alias)) if _has_joined(state) else None
            return why(state, fold_order(replay.records), replace(now, tipped=tipped))

        told = await replays.look(state.thread, see)
        return _task_why(engine, state.thread, state.alias, status, told)

    @routes.get("/v1/tasks/{name}/what-if")
    async def get_what_if(name: str, join: str) -> WhatIf:
        """When this fan-out would have joined with another predicate, at what cost, and what tipped it.

        422 with line and column when the predicate does not compile.
        """
        state = find_task(engine, name)
        fanout, wanted = find_fan_out(state), join.strip()
        check_join(replace(fanout.spec, join=wanted))
        status = await join_status(engine, state)

        def see(replay: Replay) -> tuple[Tipping | None, Tipping | None]:
            then = tipping_point(replay, _by(wanted, len(fanout.spec.subtasks), state.alias))
            return real_tipping_point(replay, _by_its_own(state.alias)), then

        real, then = await replays.look(state.thread, see)
        told = _answer(status, fanout, wanted, real, then)
        return told.model_copy(update={"at": engine.runtime.now()})

    return routes


async def _plain_parent(engine: Engine, replays: Replays, thread: str) -> TaskWhy:
    live = engine.ingest.live
    over = join_over_children(live, thread)
    now = Circumstances(
        child_threads=children_of(live, thread),
        over_children=await decide_fork_join(over, "") if over is not None else None,
        names=_names(engine),
    )
    told = await replays.look(
        thread, lambda replay: why_plain(replay.state(replay.total), replay.records, now)
    )
    return _task_why(engine, thread, "", live.index.threads[thread].status, told)


def _task_why(engine: Engine, thread: str, alias: str, status: str, told: Why) -> TaskWhy:
    return TaskWhy(
        thread=thread,
        alias=alias,
        status=status,
        sentence=told.sentence,
        proofs=[ProofOut(record=one.record, shows=one.shows) for one in told.proofs],
        hint=told.hint,
        of_join=told.of_join,
        children=child_threads(engine, thread),
    )


def _names(engine: Engine) -> dict[str, str]:
    return {**engine.ingest.live.names(), engine.instance.did: "engine"}


async def _circumstances(engine: Engine, state: TaskState) -> tuple[Circumstances, str]:
    names = _names(engine)
    fanout, live = state.fanout, engine.ingest.live
    kin = children_of(live, state.thread)
    if fanout is None:
        over = join_over_children(live, state.thread)
        decision = await decide_fork_join(over, state.alias) if over is not None else None
        return Circumstances(child_threads=kin, over_children=decision, names=names), state.status
    children = fan_out_children(fanout)
    _, decision = await decide_join(fanout, children, state.alias, engine.ingest.live.names())
    status = await join_status(engine, state)
    freezes = engine.ingest.live.control.covering(fanout.spec.namespace)
    waits = {one.index: one.why for one in status.subtasks}
    freeze = freezes[-1] if freezes and decision.satisfiable else None
    now = Circumstances(children, decision, waits, freeze, child_threads=kin, names=names)
    return now, task_detail(state, engine.instance.did).status


def _has_joined(state: TaskState) -> bool:
    return state.fanout is not None and state.fanout.joined is not None


def _by_its_own(alias: str) -> Satisfied:
    """With the predicate that the fan-out had at each time: it may have been amended."""
    return lambda fanout: _by(fanout.join, len(fanout.spec.subtasks), alias)(fanout)


def _by(join: str, count: int, alias: str) -> Satisfied:
    rule: JoinRule = parse_join_safely(join, count)
    if rule.need is not None:
        need = rule.need
        return lambda fanout: accepts(fanout) >= need

    def decided(fanout: FanOut) -> JoinDecision:
        return decide_join_from_thread(replace(fanout, join=join), fan_out_children(fanout), alias, {})

    return lambda fanout: decided(fanout).satisfied


def _answer(
    status: JoinStatus, fanout: FanOut, wanted: str, real: Tipping | None, then: Tipping | None
) -> WhatIf:
    was, would = _moment(fanout, real), _moment(fanout, then)
    if would is None:
        outcome, words = "never", _never(status)
    elif was is None:
        outcome, words = (
            "only",
            f"it would have joined after {would.elapsed_secs:.1f} s; the real one has not",
        )
    elif was.record == would.record:
        outcome, words = "same", "it would have joined at the same record"
    else:
        gained = was.elapsed_secs - would.elapsed_secs
        outcome = "sooner" if gained >= 0 else "later"
        spent = abs(was.cost_usd - would.cost_usd)
        words = (
            f"it would have joined {abs(gained):.1f} s {outcome}, "
            f"with ${spent:.2f} {'less' if gained >= 0 else 'more'} spent by then"
        )
    return WhatIf(
        thread=status.thread,
        alias=status.alias,
        join=status.join,
        supposed=wanted,
        outcome=outcome,  # type: ignore[arg-type]  # one of the five words
        explanation=words,
        started_at=fanout.at,
        real=was,
        then=would,
        stops=status.stops,
        subtasks=[
            WhatIfBar(
                index=one.index,
                goal=one.goal,
                state=one.state,
                spawned_at=one.spawned_at,
                began_at=one.began_at,
                earlier=one.earlier,
                finished_at=one.finished_at,
                lost_at=one.lost_at,
                standing=one.standing,
                cost_usd=one.cost_usd,
            )
            for one in status.subtasks
        ],
    )


def _never(status: JoinStatus) -> str:
    open_ = len(status.subtasks) - status.completed
    if not open_:
        return "all subtasks have ended, and it is not satisfied"
    return f"not within these records: {open_} of {len(status.subtasks)} subtasks have no result"


def _moment(fanout: FanOut, point: Tipping | None) -> JoinMoment | None:
    if point is None:
        return None
    return JoinMoment(
        record=point.record,
        index=point.index,
        at=point.at,
        elapsed_secs=max(0.0, point.at - fanout.at),
        cost_usd=point.cost_usd,
        accepted=point.accepted,
        finished=point.finished,
    )
