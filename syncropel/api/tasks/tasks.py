"""/v1/tasks: create, fan out; list, show, join, speedup."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from syncropel.api.http.caller import Signed
from syncropel.api.http.paging import MAX_PAGE, Cursor, Limit
from syncropel.api.tasks.able import refuse_unable
from syncropel.api.tasks.collisions import collisions
from syncropel.api.tasks.fork_views import child_threads, children_join
from syncropel.api.tasks.merge_views import merges_of
from syncropel.api.tasks.task_requests import Request, posted
from syncropel.api.tasks.task_views import find_fan_out, find_task, join_status, task_detail, task_summary
from syncropel.api.tasks.task_writing import NewTask, begin, create, refuse_unknown
from syncropel.api.tasks.waiting import slots
from syncropel.engine.engine import Engine
from syncropel.engine.forks.child_threads import children_of
from syncropel.errors import BadRequest, Conflict, NotFound
from syncropel.folds.control.rules import FOLD
from syncropel.folds.fanout.spec import MOST_ADDED, MOST_DEPTH, is_target
from syncropel.folds.fanout.speedup import measured, speedup
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import STATUSES, TaskState
from syncropel.policy.fold_rules import marks
from syncropel.wire import (
    JoinStatus,
    MeasuredOut,
    Page,
    PostedRecord,
    SerialBaseline,
    Speedup,
    TaskDetail,
    TaskMark,
    TaskSummary,
)


class NewFanOut(Request):
    """POST /v1/tasks/{name}/fan-out. Subtasks and join are checked by the fan-out's own rules."""

    subtasks: list[dict[str, Any]]
    join: str = "all"
    namespace: str | None = None
    budget_usd: float | None = None
    may_add: int = Field(
        default=0, ge=0, le=MOST_ADDED, description="how many subtasks its agents may add in all"
    )
    add_depth: int = Field(
        default=1, ge=1, le=MOST_DEPTH, description="how deep: with 1, an added subtask adds none"
    )
    allow_unknown: bool = Field(default=False, description="targets may name instances that join later")


def router(engine: Engine) -> APIRouter:
    """The routes of tasks."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/v1/tasks")
    async def list_tasks(
        status: str | None = None,
        since: Cursor = None,
        before: Cursor = None,
        limit: Limit = MAX_PAGE,
    ) -> Page[TaskSummary]:
        """Tasks, most recent change first. `since`: only those changed after this revision; `before`: the
        page after the one with this `next_cursor`.
        """
        if status is not None and status not in STATUSES:
            raise BadRequest(f"no status {status!r}", f"one of {', '.join(STATUSES)}")
        rows: list[TaskSummary] = []
        async for state in engine.lists.tasks(since, before, status, limit + 1):
            row = task_summary(state)
            if status is not None and row.status != status:
                continue
            if len(rows) == limit:
                return Page(data=rows, next_cursor=rows[-1].revision)
            rows.append(row)
        return Page(data=rows)

    @routes.post("/v1/tasks", status_code=201)
    async def create_task(body: NewTask, sign: Signed) -> TaskDetail:
        """Create a task thread. Without an alias one is generated: TASK-0001, TASK-0002, …"""
        body.actor = sign(body.actor)
        async with engine.fan_out_lock:
            state = await create(engine, body)
        return task_detail(state, engine.instance.did)

    @routes.get("/v1/tasks/{name}")
    async def get_task(name: str) -> TaskDetail:
        """One task, by alias or thread."""
        await engine.lists.warm(name)
        state, rules = find_task(engine, name), engine.ingest.live.rules.of(FOLD)
        family = {
            "children": child_threads(engine, state.thread),
            "children_join": await children_join(engine, state.thread),
            "collisions": [
                one for one in collisions(engine) if any(by.thread == state.thread for by in one.by)
            ],
            "merges": merges_of(state, engine.ingest.live.names()),
        }
        detail = task_detail(state, engine.instance.did).model_copy(update=family)
        if rules:
            found = await marks(rules, await engine.store.thread(state.thread), state.namespace)
            for rule, one in zip(rules, found, strict=True):
                if one.problem:
                    engine.ingest.live.rule_failures.note(rule, one.problem, engine.runtime.now())
            return detail.model_copy(update={"marks": [TaskMark(**asdict(one)) for one in found]})
        return detail

    @routes.post("/v1/tasks/{name}/fan-out", status_code=201, response_model=PostedRecord)
    async def fan_out(name: str, body: NewFanOut, sign: Signed) -> Response:
        """Fan a task out: writes the parent INTEND on its thread."""
        body.actor = sign(body.actor)
        async with engine.fan_out_lock:
            state = find_task(engine, name)
            fields: dict[str, Any] = {"subtasks": body.subtasks, "join": body.join}
            if not body.allow_unknown:
                targets = (one.get("target") for one in body.subtasks)
                refuse_unknown(engine, [one for one in targets if isinstance(one, str) and is_target(one)])
                refuse_unable(engine, body.subtasks)
            if body.budget_usd is not None:
                fields["budget_usd"] = body.budget_usd
            if body.add_depth > 1 and not body.may_add:
                raise BadRequest(
                    "add_depth has no effect without may_add", "say how many subtasks agents may add: may_add"
                )
            if body.may_add:
                fields |= {"may_add": body.may_add, "add_depth": body.add_depth}
            return posted(await begin(engine, state, body.actor, fields, body.namespace))

    @routes.get("/v1/tasks/{name}/join")
    async def get_join(name: str) -> JoinStatus:
        """Every subtask of a fan-out, and why it is joined, not yet, or can no longer be."""
        await engine.lists.warm(name)
        state = find_task(engine, name)
        if state.fanout is None and children_of(engine.ingest.live, state.thread):
            raise Conflict(
                f"{name} is not fanned out; it has child threads", f"see them: spl thread show {name}"
            )
        return await join_status(engine, state)

    @routes.get("/v1/tasks/{name}/speedup")
    async def get_speedup(name: str, vs_serial: str | None = None) -> Speedup:
        """Critical path against the sum of wall times; `vs_serial` names the thread of a serial run."""
        return _speedup(engine, find_task(engine, name), vs_serial)

    return routes


def _speedup(engine: Engine, state: TaskState, vs_serial: str | None) -> Speedup:
    fanout = find_fan_out(state)
    report = speedup(fanout, fan_out_children(fanout))
    took = measured(fanout, slots(engine))
    return Speedup(
        thread=state.thread,
        alias=state.alias,
        complete=fanout.joined is not None,
        subtasks=len(report.walls),
        walls=list(report.walls),
        late=list(report.late),
        critical_path=list(report.path.indexes),
        has_dependencies=fanout.spec.has_dependencies,
        parallel_wall_secs=report.path.secs,
        elapsed_secs=took.elapsed_secs if took else None,
        total_cost_usd=report.total_cost_usd,
        cost_unknown=not fanout.cost_known,
        serial_estimate_secs=report.serial_estimate_secs,
        estimated_speedup=report.estimated_speedup,
        measured=MeasuredOut(**asdict(took), speedup=took.speedup) if took else None,
        serial=_serial(engine, vs_serial, report.path.secs) if vs_serial else None,
    )


def _serial(engine: Engine, name: str, parallel_secs: float) -> SerialBaseline:
    state = engine.ingest.live.task(name)
    if state is None:
        raise NotFound(f"no task {name!r} to compare with", "run the same work as a serial task first")
    if state.fanout is not None:
        if state.fanout.joined is None:
            raise Conflict(f"{name} has not joined yet", "compare when it is done")
        secs, cost = state.fanout.joined.at - state.fanout.at, state.fanout.cost_usd
    elif state.completed_by is not None:
        secs, cost = state.updated_at - state.created_at, 0.0
    else:
        raise Conflict(f"{name} is not done yet", "compare when it is done")
    ratio = secs / parallel_secs if parallel_secs > 0 else None
    return SerialBaseline(thread=state.thread, wall_secs=secs, cost_usd=cost, speedup=ratio)
