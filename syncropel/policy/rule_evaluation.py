"""One yes or no from a rule, whatever it costs: at once when it is cheap, on a thread of its own when not."""

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
    """What a rule said. `problem`: why it could not say anything, empty when it did."""

    yes: bool
    problem: str = ""
    ran_away: bool = False


async def ask(rule: Rule, load: Callable[[str], Any], evaluation: EvaluationFunctions) -> Answer:
    """Ask a rule for true or false, never holding the event loop for long. Raises nothing.

    A problem is noted as the rule's.
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
        Answer(value) if isinstance(value, bool) else Answer(False, "the rule gives neither true nor false")
    )
