"""Permission rules: who may write and read what. The first match by priority decides; without a match, deny.

An expression that fails or exceeds its budget counts as a denial: a rule that cannot be evaluated protects
nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from syncropel.cel.budget import INLINE_STEPS, Budget, Runaway
from syncropel.cel.expression import EvaluationFailed, InvalidExpression
from syncropel.errors import PermissionDenied, SyncropelError
from syncropel.folds.control.rules import AITL, FOLD, HEALTH, PERMISSION, PRECONDITION, ROUTING, TRIGGER, Rule
from syncropel.policy.evaluation_functions import EvaluationFunctions, Folds
from syncropel.policy.expression_contexts import blank, compile_in, compiles_slowly_in, record_fields
from syncropel.policy.lanes import RULES
from syncropel.record.model import Record

CONTEXT_OF: Final = {
    PERMISSION: "permission",
    ROUTING: "routing",
    HEALTH: "health_check",
    PRECONDITION: "precondition",
    AITL: "aitl",
    TRIGGER: "trigger",
    FOLD: "fold_rule",
}
"""Kind of rule → the context of its expression."""
RULE_SECS: Final = 0.25
"""Deadline of all rules together for one request, in seconds."""


@dataclass(frozen=True)
class Request:
    """The request: the operation, the actor, the thread (empty: several), and the record of a write."""

    op: str
    actor: str
    thread: str
    record: Record | None = None
    namespaces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """Whether it is allowed, by which rule (empty: none matched), and what went wrong with that rule.

    `stopped`: that rule exceeded the budget.
    """

    allowed: bool
    rule: str = ""
    problem: str = ""
    stopped: bool = False


def judge(
    rules: Sequence[Rule], request: Request, evaluation: EvaluationFunctions, default: bool, budget: Budget
) -> Verdict:
    """The first rule that matches decides; `default` when none does."""
    bindings: dict[str, Any] = {"op": request.op, "actor": request.actor, "thread": request.thread}
    functions = evaluation.functions()

    def load(name: str) -> Any:
        if name not in bindings:
            bindings[name] = record_fields(request.record, set(request.namespaces))
        return bindings[name]

    for rule in rules:
        if rule.ops and request.op not in rule.ops:
            continue
        try:
            value = compile_in("permission", rule.expression).evaluate_lazily(load, functions, budget)
        except (EvaluationFailed, InvalidExpression) as error:
            return Verdict(False, rule.name, error.message)
        except Runaway as error:
            return Verdict(False, rule.name, error.message, stopped=True)
        if not isinstance(value, bool):
            return Verdict(False, rule.name, "the rule's value is neither true nor false")
        if value:
            return Verdict(rule.effect == "allow", rule.name)
    return Verdict(default)


async def decide(
    rules: Sequence[Rule], request: Request, folds: Folds, now: float, own_did: str, *, default: bool = False
) -> Verdict:
    """Like `judge`, without ever blocking the event loop: long evaluations move to a thread."""
    evaluation = EvaluationFunctions(folds, now, own_did, request.actor)
    for rule in rules:
        # Rules from before a restart are not in the cache. Compiling does not count against their deadline.
        if compiles_slowly_in("permission", rule.expression):
            await RULES.compile(partial(_compile, rule.expression))
    verdict = judge(rules, request, evaluation, default, Budget(INLINE_STEPS, RULE_SECS))
    if verdict.stopped:
        verdict = await _judged_beside(rules, request, evaluation, default)
    if verdict.problem:
        for rule in rules:
            if rule.name == verdict.rule:
                evaluation.note(rule, verdict.problem)
    return verdict


async def _judged_beside(
    rules: Sequence[Rule], request: Request, evaluation: EvaluationFunctions, default: bool
) -> Verdict:
    last = Verdict(default)

    def work(budget: Budget) -> Verdict:
        nonlocal last
        last = judge(rules, request, evaluation, default, budget)
        if last.stopped:
            raise Runaway(last.problem)
        return last

    try:
        return await RULES.evaluate(work, RULE_SECS)
    except Runaway:
        return last


def _compile(source: str) -> None:
    with contextlib.suppress(InvalidExpression):  # the cache keeps the error, and `judge` reports it
        compile_in("permission", source)


def denied(request: Request, verdict: Verdict) -> PermissionDenied:
    """The refusal, naming the rule and what to do."""
    by = f"rule {verdict.rule!r}" if verdict.rule else "no rule allows it"
    problem = f": {verdict.problem}" if verdict.problem else ""
    return PermissionDenied(
        f"{request.op} is denied to {request.actor} ({by}{problem})",
        "see: spl config list-permission-rules; locked out? spl stop && spl config permissions-unlock",
    )


def check_rule(kind: str, rule: Rule) -> SyncropelError | None:
    """Why this rule's expression is refused when it is set, or None."""
    try:
        expression = compile_in(CONTEXT_OF[kind], rule.expression)
    except SyncropelError as error:
        return error
    values = blank(CONTEXT_OF[kind])
    return _check_value(expression, rule, values) if values is not None else None


def _check_value(expression: Any, rule: Rule, values: dict[str, Any]) -> SyncropelError | None:
    try:
        value, kind = expression.evaluate_typed(values.__getitem__, _Nothing(), Budget(INLINE_STEPS))
    except SyncropelError:
        return None  # it may have a value for a real record
    if not isinstance(value, bool):
        return InvalidExpression(
            f"the rule gives {kind}, not true or false", rule.expression, 1, 1, "compare it"
        )
    return None


class _Nothing(dict[str, Any]):
    """Functions when nothing is known."""

    def __missing__(self, name: str) -> Any:
        def unknown(*_: Any) -> Any:
            raise LookupError(name)

        return unknown
