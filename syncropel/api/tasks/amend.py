"""/v1/tasks/{name}/retry and /amend: an operator's changes to a running fan-out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from syncropel.api.http.caller import Signed
from syncropel.api.tasks.able import refuse_unable
from syncropel.api.tasks.resumable import session_place
from syncropel.api.tasks.task_requests import Request, made_record, posted
from syncropel.api.tasks.task_views import find_fan_out, find_task
from syncropel.api.tasks.task_writing import more_work, refuse_unknown
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.reassignment import spent_usd
from syncropel.engine.forks.child_threads import children_of
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.fanout.approvals import ANSWERED
from syncropel.folds.fanout.reassignments import AMEND_BUDGET, spends
from syncropel.folds.fanout.spec import LARGEST, TARGET_FORMS, is_target
from syncropel.folds.fanout.state import AMEND_JOIN, RETRY, FanOut
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.forking import join_of
from syncropel.store.base import Appended
from syncropel.wire import PostedRecord

Money = Annotated[float, Field(gt=0, le=LARGEST, strict=True, description="US dollars")]


class NewRetry(Request):
    """POST /v1/tasks/{name}/retry"""

    index: int
    hint: str | None = None
    target: str | None = None
    budget_usd: Money | None = None
    model: str | None = Field(default=None, min_length=1, description="one of those its adapter allows")
    resume: bool = Field(default=False, description="refuse unless the agent's session can be continued")
    allow_unknown: bool = Field(default=False, description="the target may name an instance that joins later")


class NewAmendment(Request):
    """POST /v1/tasks/{name}/amend: one change at a time, so that each has its own record."""

    budget_usd: Money | None = None
    join: str | None = None
    reason: str | None = None


class NewAnswer(Request):
    """POST /v1/tasks/{name}/answer"""

    index: int
    verdict: Literal["accept", "reject"]
    reason: str = ""


def router(engine: Engine) -> APIRouter:
    """The routes that change a fan-out."""
    routes = APIRouter(tags=["tasks"])

    @routes.post("/v1/tasks/{name}/retry", status_code=201, response_model=PostedRecord)
    async def retry(name: str, body: NewRetry, sign: Signed) -> Response:
        """Run a subtask again as its next attempt, optionally with another target, budget, or model."""
        body.actor = sign(body.actor)
        return posted(await ask_again(engine, name, body))

    @routes.post("/v1/tasks/{name}/amend", status_code=201, response_model=PostedRecord)
    async def amend(name: str, body: NewAmendment, sign: Signed) -> Response:
        """Set another budget or join predicate for a fan-out."""
        body.actor = sign(body.actor)
        if (body.budget_usd is None) == (body.join is None):
            raise BadRequest("amend one thing at a time", "give either budget_usd or join")
        fields: dict[str, Any] = {"reason": body.reason} if body.reason else {}
        if body.join is not None and (parent := _of_children(engine, name)) is not None:
            fields |= {"topic": AMEND_JOIN, "join": body.join}
            return posted(await _write(engine, parent, body.actor, fields))
        state, fanout = _changeable(engine, name, "an amendment")
        if body.join is not None:
            fields |= {"topic": AMEND_JOIN, "join": body.join}
            return posted(await _write(engine, state, body.actor, fields))
        spent = spent_usd(fanout, engine.reported_work.spending())
        if spends(spent, body.budget_usd):
            asked = f"a budget of ${body.budget_usd:.2f} would end it at once"
            raise Conflict(
                f"{name} has spent ${spent:.2f} already: {asked}",
                f"give it more than ${spent:.2f}; to stop it: spl task cancel {name}",
            )
        fields |= {"topic": AMEND_BUDGET, "budget_usd": body.budget_usd}
        return posted(await _write(engine, state, body.actor, fields))

    @routes.post("/v1/tasks/{name}/answer", status_code=201, response_model=PostedRecord)
    async def answer(name: str, body: NewAnswer, sign: Signed) -> Response:
        """Decide whether a subtask that waits for an operator may begin."""
        body.actor = sign(body.actor)
        state, fanout = _changeable(engine, name, "an answer")
        ask = fanout.asks.get(body.index)
        if ask is None or body.index not in fanout.asking():
            waiting = ", ".join(map(str, fanout.asking())) or "none"
            raise Conflict(
                f"{name} [{body.index}] is not waiting for a decision", f"subtasks that do: {waiting}"
            )
        fields = {"topic": ANSWERED, "index": body.index, "attempt": ask.attempt, "verdict": body.verdict}
        fields["reason"] = body.reason
        return posted(await _write(engine, state, body.actor, fields))

    return routes


async def ask_again(engine: Engine, name: str, asked: NewRetry) -> Appended:
    """Write a record that a subtask of this task is to run once more.

    Raises BadRequest for an unknown index or target, Conflict when nothing more is spawned.
    """
    state = find_task(engine, name)
    fanout = find_fan_out(state)
    if fanout.joined is None:
        _changeable(engine, name, "a retry")
    count = len(fanout.spec.subtasks)
    if not 0 <= asked.index < count:
        raise BadRequest(f"{name} has no subtask {asked.index}", f"its subtasks are 0 to {count - 1}")
    if fanout.moves.exceeded:
        raise Conflict(
            f"{name} has spent its budget of ${fanout.budget_usd or 0:.2f}: nothing more is spawned",
            f"give it more first: spl task amend {name} --budget USD",
        )
    fields: dict[str, Any] = {"topic": RETRY, "index": asked.index}
    if asked.resume:
        fields["target"] = session_place(engine, name, fanout, asked.index, asked.target)
    elif asked.target is not None:
        if not is_target(asked.target):
            raise BadRequest(f"unknown target {asked.target!r}", f"use {TARGET_FORMS}")
        if not asked.allow_unknown:
            refuse_unknown(engine, [asked.target])
        fields["target"] = asked.target
    if asked.model is not None:
        fields["model"] = asked.model
    if not asked.allow_unknown and fields.keys() & {"target", "model"}:
        subtask = fan_out_children(fanout)[asked.index].subtask
        chosen = {"target": asked.target or subtask.target, "model": asked.model or subtask.model}
        refuse_unable(engine, [{**chosen, "adapter": subtask.adapter}])
    if asked.hint:
        fields["hint"] = asked.hint
    if asked.budget_usd is not None:
        fields["budget_usd"] = asked.budget_usd
    return await _write(engine, state, asked.actor, fields)


async def _write(engine: Engine, state: TaskState, actor: str, fields: dict[str, Any]) -> Appended:
    intend = state.fanout.intend if state.fanout is not None else state.intend
    # The fan-out's own namespace, which is the task's from then on.
    body = {**fields, "namespace": state.namespace, "at": engine.runtime.now()}
    return await engine.ingest.append_one(made_record(state.thread, actor, "LEARN", body, [intend]))


def _of_children(engine: Engine, name: str) -> TaskState | None:
    """The task, when its join is over child threads. Raises Conflict once it has joined."""
    live, state = engine.ingest.live, find_task(engine, name)
    if state.fanout is not None or not (join_of(state.thread, live) or children_of(live, state.thread)):
        return None
    forks = live.forks.get(state.thread)
    if forks is not None and forks.joined is not None:
        raise Conflict(f"{name} has joined: an amendment changes nothing", more_work(name))
    return state


def _changeable(engine: Engine, name: str, what: str) -> tuple[TaskState, FanOut]:
    state = find_task(engine, name)
    fanout = find_fan_out(state)
    if not fanout.active:
        raise Conflict(
            f"{name} {'was cancelled' if fanout.cancelled else 'has joined'}: {what} changes nothing",
            more_work(name),
        )
    return state, fanout
