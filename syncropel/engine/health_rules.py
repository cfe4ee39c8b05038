"""Health rules: expressions over the engine's counters, asked when somebody asks how it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncropel.errors import SyncropelError
from syncropel.folds.rules import HEALTH
from syncropel.policy.budget import Budget
from syncropel.policy.cel import evaluator
from syncropel.policy.contexts import compile_in
from syncropel.policy.ground import Ground

if TYPE_CHECKING:
    from syncropel.engine.engine import Engine


@dataclass(frozen=True)
class HealthFinding:
    """What one health rule says: healthy, or its severity; `problem` when it could not be evaluated."""

    name: str
    healthy: bool
    severity: str
    problem: str = ""


def engine_fields(engine: Engine) -> dict[str, Any]:
    """`engine` as a health rule sees it."""
    return {
        "records": engine.store.count,
        "ingested_total": engine.ingest.total,
        "reconcile_queue_depth": engine.reconciler.queue_depth,
        "dispatch_running": engine.dispatcher.running,
        "dispatch_queued": engine.dispatcher.queued,
        "outbox_pending": len(engine.outbox),
        "watchers": len(engine.broadcast),
        "self_check_failures": engine.selfcheck.failures,
        "uptime_secs": engine.uptime_secs,
    }


async def findings(engine: Engine) -> list[HealthFinding]:
    """What every health rule says now; a rule is true while all is well."""
    rules = engine.ingest.live.rules.of(HEALTH)
    if not rules:
        return []
    fields = engine_fields(engine)
    ground = Ground(
        engine.ingest.live, engine.runtime.now(), engine.instance.did, engine.instance.did
    ).functions()

    def ask() -> list[HealthFinding]:
        found = []
        for rule in rules:
            healthy, problem = False, ""
            try:
                expression = compile_in("health_check", rule.expression)
                value = expression.evaluate_lazily({"engine": fields}.__getitem__, ground, Budget(secs=0.25))
                healthy = value is True
                problem = "" if isinstance(value, bool) else "the rule gives no true or false"
            except SyncropelError as error:
                problem = error.message
            found.append(HealthFinding(rule.name, healthy, rule.effect, problem))
        return found

    return await asyncio.get_running_loop().run_in_executor(evaluator, ask)
