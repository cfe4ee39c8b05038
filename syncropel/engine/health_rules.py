"""Health rules: expressions over the engine's counters, evaluated when health is requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from syncropel.cel.budget import Budget
from syncropel.engine.engine import Engine
from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import HEALTH, Rule
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.expression_contexts import compile_in
from syncropel.policy.lanes import QUESTIONS
from syncropel.policy.permissions import RULE_SECS


@dataclass(frozen=True)
class HealthFinding:
    """The result of one health rule: healthy, or its severity; `problem` when it could not be evaluated."""

    name: str
    healthy: bool
    severity: str
    problem: str = ""


def engine_fields(engine: Engine) -> dict[str, Any]:
    """`engine` as health rules see it."""
    return {
        "records": engine.store.count,
        "ingested_total": engine.ingest.total,
        "reconcile_queue_depth": engine.fan_outs.reconciler.queue_depth,
        "dispatch_running": engine.dispatcher.running,
        "dispatch_queued": engine.dispatcher.queued,
        "outbox_pending": len(engine.fan_outs.outbox),
        "watchers": len(engine.broadcast),
        "self_check_failures": engine.selfcheck.failures,
        "uptime_secs": engine.uptime_secs,
    }


async def findings(engine: Engine) -> list[HealthFinding]:
    """The current results of all health rules; a rule is true while all is well."""
    rules = engine.ingest.live.rules.of(HEALTH)
    if not rules:
        return []
    live, did = engine.ingest.live, engine.instance.did
    evaluation = EvaluationFunctions(live, engine.runtime.now(), did, did)
    load = {"engine": engine_fields(engine)}.__getitem__
    return [await _finding(rule, load, evaluation) for rule in rules]


async def _finding(rule: Rule, load: Callable[[str], Any], evaluation: EvaluationFunctions) -> HealthFinding:
    functions = evaluation.functions()

    def ask(budget: Budget) -> Any:
        return compile_in("health_check", rule.expression).evaluate_lazily(load, functions, budget)

    try:
        value = await QUESTIONS.evaluate(ask, RULE_SECS)
    except SyncropelError as error:
        value, problem = False, error.message
    else:
        problem = "" if isinstance(value, bool) else "the rule's value is neither true nor false"
    if problem:
        evaluation.note(rule, problem)
    return HealthFinding(rule.name, value is True, rule.effect, problem)
