"""Evaluates a rule to true or false: at once when it is cheap, otherwise on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncropel.cel.budget import INLINE_STEPS, Budget, Runaway
from syncropel.errors import SyncropelError
from syncropel.folds.control.rules import Rule
from syncropel.policy.evaluation_functions import EvaluationFunctions
from syncropel.policy.expression_contexts import compile_in
from syncropel.policy.lanes import RULES
from syncropel.policy.permissions import CONTEXT_OF, RULE_SECS


@dataclass(frozen=True)
class Answer:
    """A rule's result. `problem`: why it has none, empty when it has."""

    yes: bool
    problem: str = ""
    ran_away: bool = False


async def ask(rule: Rule, load: Callable[[str], Any], evaluation: EvaluationFunctions) -> Answer:
    """Evaluate a rule without blocking the event loop for long. Raises nothing.

    A problem is recorded as the rule's failure.
    """
    answer = await _asked(rule, load, evaluation.functions())
    if answer.problem:
        evaluation.note(rule, answer.problem)
    return answer


async def _asked(
    rule: Rule, load: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]]
) -> Answer:
    try:
        return _evaluate(rule, load, functions, Budget(INLINE_STEPS, RULE_SECS))
    except Runaway:
        pass
    try:
        return await RULES.evaluate(partial(_evaluate, rule, load, functions), RULE_SECS)
    except Runaway as error:
        return Answer(False, error.message, ran_away=True)


def _evaluate(
    rule: Rule, load: Callable[[str], Any], functions: Mapping[str, Callable[..., Any]], budget: Budget
) -> Answer:
    try:
        value = compile_in(CONTEXT_OF[rule.kind], rule.expression).evaluate_lazily(load, functions, budget)
    except Runaway:
        raise
    except SyncropelError as error:
        return Answer(False, error.message)
    return (
        Answer(value)
        if isinstance(value, bool)
        else Answer(False, "the rule's value is neither true nor false")
    )
