"""/v1/dispatch: give a goal, or a whole task, to one instance. /v1/dispatches: what is running now."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.fleet.fleet_views import running
from syncropel.api.http.caller import Signed
from syncropel.api.tasks.able import refuse_unable
from syncropel.api.tasks.amend import NewRetry, ask_again
from syncropel.api.tasks.task_requests import Request
from syncropel.api.tasks.task_views import find_task
from syncropel.api.tasks.task_writing import (
    ALIAS_PATTERN,
    NewTask,
    begin,
    create,
    refuse_if_over,
    refuse_unknown,
)
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.fanout.spec import is_target, parse_fan_out
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.record.threads import INSTANCE_DID_PREFIX
from syncropel.store.base import Appended
from syncropel.wire import Dispatched, Page, RunningDispatch


class NewDispatch(Request):
    """POST /v1/dispatch

    Either `task`, the alias or thread of an existing task, or a `goal`, for which a task is created. With
    both, the goal is what the instance is told. `target` is a DID, an alias, or as in a fan-out; by default a
    live worker is chosen, or this instance when there is none.
    """

    task: str | None = None
    goal: str | None = Field(default=None, min_length=1)
    alias: str | None = Field(default=None, pattern=ALIAS_PATTERN)
    target: str | None = None
    adapter: str | None = None
    model: str | None = None
    repo: str | None = None
    budget_usd: float | None = None
    timeout_secs: float | None = None
    namespace: str | None = None
    domain: str = ""
    hint: str | None = None
    content: str | None = None
    allow_unknown: bool = Field(default=False, description="the target may name an instance that joins later")


def router(engine: Engine) -> APIRouter:
    """The routes of dispatches."""
    routes = APIRouter(tags=["tasks"])

    @routes.post("/v1/dispatch", status_code=201)
    async def dispatch(body: NewDispatch, sign: Signed) -> Dispatched:
        """Give a goal to one instance. A task whose dispatch has failed is tried again."""
        body.actor = sign(body.actor)
        async with engine.fan_out_lock:
            target = _target(engine, body.target)
            if not body.allow_unknown and is_target(target):
                refuse_unknown(engine, [target])
                refuse_unable(engine, [{"target": target, "adapter": body.adapter, "model": body.model}])
            state = await _task(engine, body)
            refuse_if_over(state)
            if state.fanout is None:
                whole = _whole(body.goal or state.goal, body, target)
                written = await begin(engine, state, body.actor, whole, body.namespace)
            else:
                elsewhere = target if body.target else None
                written = await _again(engine, state, state.fanout, body, elsewhere)
        child = _only_child(state)
        return Dispatched(
            thread=state.thread,
            alias=state.alias,
            goal=child.subtask.goal,
            target=child.subtask.target,
            attempt=child.attempt,
            record=written.stored.record.id,
        )

    @routes.get("/v1/dispatches")
    async def dispatches() -> Page[RunningDispatch]:
        """Everything in flight, longest first, with elapsed time and spend."""
        return Page(data=running(engine))

    return routes


async def _task(engine: Engine, body: NewDispatch) -> TaskState:
    if body.task is not None:
        return find_task(engine, body.task)
    if body.goal is None:
        raise BadRequest("a task or a goal is needed", 'such as {"goal": "make test"}')
    # Refused before the task is created, which would otherwise be left without a dispatch.
    parse_fan_out(_whole(body.goal, body, _target(engine, body.target)))
    made = NewTask(
        goal=body.goal,
        alias=body.alias,
        domain=body.domain,
        namespace=body.namespace,
        actor=body.actor,
    )
    return await create(engine, made)


def _target(engine: Engine, target: str | None) -> str:
    registry = engine.ingest.live.registry
    if target is None:
        workers = any(one.role == "worker" and one.status == "live" for one in engine.leases.candidates())
        return "least-loaded-worker" if workers else f"specific:{engine.instance.did}"
    if target.startswith(INSTANCE_DID_PREFIX):
        return f"specific:{target}"
    # An alias need not begin with worker-, unlike targets by alias.
    named = registry.by_alias(target)
    if named is not None and not target.startswith("worker-"):
        return f"specific:{named.did}"
    return target


def _whole(goal: str, body: NewDispatch, target: str) -> dict[str, Any]:
    asked = {
        "goal": goal,
        "target": target,
        "adapter": body.adapter,
        "model": body.model,
        "repo": body.repo,
        "budget_usd": body.budget_usd,
        "timeout_secs": body.timeout_secs,
        "content": body.content,
    }
    subtask = {key: value for key, value in asked.items() if value is not None}
    return {"dispatch": True, "subtasks": [subtask], "join": "all"}


async def _again(
    engine: Engine, state: TaskState, fanout: FanOut, body: NewDispatch, target: str | None
) -> Appended:
    name = state.alias or state.thread
    if not fanout.spec.dispatch:
        raise Conflict(
            f"{name} is fanned out into {len(fanout.spec.subtasks)} subtasks",
            f"run one of them again: spl task retry {name} --subtask N",
        )
    child = _only_child(state)
    if fanout.active and not child.finished:
        raise Conflict(
            f"{name} is already dispatched, attempt {child.attempt}",
            f"see it: spl task join-status {name}; end it: spl task stop {name} --subtask 0",
        )
    if body.goal is not None and body.goal != child.subtask.goal:
        raise BadRequest(
            f"{name} was dispatched with another goal, which a new attempt keeps",
            "describe what is new with a hint, or add another task",
        )
    asked = NewRetry(
        index=0,
        hint=body.hint,
        target=target,
        budget_usd=body.budget_usd,
        actor=body.actor,
        allow_unknown=True,  # it was looked up above
    )
    return await ask_again(engine, name, asked)


def _only_child(state: TaskState) -> Child:
    assert state.fanout is not None
    return fan_out_children(state.fanout)[0]
