"""/v1/expr and /v1/engine/expression_cache: try an expression, and cache statistics."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict

from fastapi import APIRouter

from syncropel.api.http.caller import Signed
from syncropel.api.rules.trying import case_of
from syncropel.cel.budget import Budget
from syncropel.cel.expression import cache_stats
from syncropel.engine.engine import Engine
from syncropel.policy.expression_contexts import compile_in
from syncropel.policy.lanes import QUESTIONS
from syncropel.record.model import parse_record
from syncropel.wire import CacheStatsOut, ExpressionChecked, ExpressionRequest, ExpressionValue


def router(engine: Engine) -> APIRouter:
    """The routes of expressions."""
    routes = APIRouter(tags=["expressions"])

    @routes.post("/v1/expr/check")
    async def check(body: ExpressionRequest) -> ExpressionChecked:
        """Compile an expression in a context; a mistake is reported with line, column, and a caret."""
        expression = await QUESTIONS.compile(lambda: compile_in(body.context, body.expression))
        return ExpressionChecked(context=body.context, size=expression.size)

    @routes.post("/v1/expr/eval")
    async def evaluate(body: ExpressionRequest, sign: Signed) -> ExpressionValue:
        """Evaluate an expression against this instance's current state, as a rule would be."""
        body = body.model_copy(update={"actor": body.actor or sign("")})
        record = None
        if body.record is not None:  # the default actor is the caller, as for a record that it writes
            record = await asyncio.to_thread(parse_record, {"actor": body.actor, **body.record})
        case = case_of(engine, body, record)
        expression = await QUESTIONS.compile(lambda: compile_in(body.context, body.expression))

        def run(budget: Budget) -> ExpressionValue:
            started = time.perf_counter()
            value, kind = expression.evaluate_typed(case.load, case.functions, budget)
            micros = (time.perf_counter() - started) * 1e6
            return ExpressionValue(value=value, type=kind, steps=budget.steps, micros=round(micros, 1))

        return await QUESTIONS.evaluate(run, case.secs)

    @routes.get("/v1/engine/expression_cache/stats")
    async def expression_cache() -> CacheStatsOut:
        """Statistics of the expression cache since the daemon started."""
        return CacheStatsOut(**asdict(cache_stats()))

    return routes
