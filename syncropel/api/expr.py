"""/v1/expr and /v1/engine/expression_cache: try an expression, and see what the cache of them does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from syncropel.api.caller import Signed
from syncropel.api.schema import CacheStatsOut, ExpressionChecked, ExpressionRequest, ExpressionValue
from syncropel.engine.engine import Engine
from syncropel.engine.health_rules import engine_fields
from syncropel.errors import BadRequest, NotFound
from syncropel.folds.join import cel_children
from syncropel.folds.subtasks import children
from syncropel.folds.task import TaskState
from syncropel.policy.budget import Budget
from syncropel.policy.cel import cache_stats
from syncropel.policy.contexts import compile_in, record_fields, subtask_fields
from syncropel.policy.ground import Ground, task_fields
from syncropel.policy.guard import namespaces_of
from syncropel.policy.lanes import QUESTIONS
from syncropel.record import Record, parse_record


def router(engine: Engine) -> APIRouter:
    """The routes of expressions."""
    routes = APIRouter(tags=["expressions"])

    @routes.post("/v1/expr/check")
    async def check(body: ExpressionRequest) -> ExpressionChecked:
        """Compile an expression in a context; a mistake is told with line, column and a caret."""
        expression = await QUESTIONS.compile(lambda: compile_in(body.context, body.expression))
        return ExpressionChecked(context=body.context, size=expression.size)

    @routes.post("/v1/expr/eval")
    async def evaluate(body: ExpressionRequest, sign: Signed) -> ExpressionValue:
        """Evaluate an expression over this instance as it is now."""
        body = body.model_copy(update={"actor": body.actor or sign("")})
        record = await asyncio.to_thread(parse_record, body.record) if body.record is not None else None
        load = _bindings(engine, body, record)
        live, now, did = engine.ingest.live, engine.runtime.now(), engine.instance.did
        functions = Ground(live, now, did, body.actor).functions()

        expression = await QUESTIONS.compile(lambda: compile_in(body.context, body.expression))

        def run(budget: Budget) -> ExpressionValue:
            started = time.perf_counter()
            value, kind = expression.evaluate_typed(load, functions, budget)
            micros = (time.perf_counter() - started) * 1e6
            return ExpressionValue(value=value, type=kind, steps=budget.steps, micros=round(micros, 1))

        return await QUESTIONS.evaluate(run)

    @routes.get("/v1/engine/expression_cache/stats")
    async def expression_cache() -> CacheStatsOut:
        """What the cache of compiled expressions did since the daemon started."""
        return CacheStatsOut(**asdict(cache_stats()))

    return routes


def _bindings(engine: Engine, body: ExpressionRequest, record: Record | None) -> Callable[[str], Any]:
    live = engine.ingest.live
    state = live.task(body.thread) if body.thread else None
    thread = state.thread if state is not None else body.thread
    if body.thread and state is None and thread not in live.index.threads:
        raise NotFound(f"no thread {body.thread!r}", "a thread exists from its first record on")
    if record is not None:
        thread = record.thread
    fanout = state.fanout if state is not None else None
    op = "thread_read" if record is None else "record_write"
    named: dict[str, Callable[[], Any]] = {
        "record": lambda: record_fields(record, namespaces_of(record, live) if record is not None else set()),
        "op": lambda: op,
        "actor": lambda: record.actor if record is not None else body.actor,
        "thread": lambda: thread,
        "task": lambda: task_fields(state or TaskState("")),
        "state": lambda: task_fields(state or TaskState("")),
        "engine": lambda: engine_fields(engine),
        "children": lambda: cel_children(children(fanout)) if fanout is not None else [],
        "parent": lambda: {
            "thread": thread,
            "alias": state.alias if state is not None else "",
            "goal": state.goal if state is not None else "",
            "namespace": state.namespace if state is not None else "",
            "domain": state.domain if state is not None else "",
            "join": fanout.join if fanout is not None else "",
            "cost_usd": fanout.cost_usd if fanout is not None else 0.0,
        },
        "subtask": lambda: subtask_fields(children(fanout)[0]) if fanout is not None else _missing("subtask"),
        "instances": lambda: [
            {"did": one.did, "alias": one.alias, "role": one.role, "status": one.status, "load": 0}
            for one in engine.leases.candidates()
        ],
    }

    def load(name: str) -> Any:
        return named[name]()

    return load


def _missing(name: str) -> Any:
    raise BadRequest(
        f"{name} has no value here", "name a fan-out with --thread: its first subtask is looked at"
    )
