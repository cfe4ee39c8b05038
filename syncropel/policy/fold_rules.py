"""Fold rules: additional facts about a task that operators define, folded from its records only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncropel.cel.budget import Budget, Runaway
from syncropel.errors import SyncropelError
from syncropel.folds.base.order import fold_order
from syncropel.folds.control.rules import Rule
from syncropel.policy.expression_contexts import compile_in, record_fields
from syncropel.policy.lanes import QUESTIONS
from syncropel.policy.permissions import CONTEXT_OF, RULE_SECS
from syncropel.record.model import StoredRecord

START = ""
"""`state` at the first record."""


@dataclass(frozen=True)
class Mark:
    """What a rule computed from a task's records. `problem`: why it has no result, empty when it has."""

    name: str
    value: Any
    problem: str = ""


def mark(rule: Rule, records: Sequence[StoredRecord], namespace: str, budget: Budget | None = None) -> Mark:
    """Fold the records, in whatever order they come: each value of the expression is the next `state`.

    The budget is for all records together; raises Runaway when a given budget is exceeded.
    """
    state: Any = START
    limits = budget or Budget(secs=RULE_SECS)
    try:
        expression = compile_in(CONTEXT_OF[rule.kind], rule.expression)
        for stored in fold_order(records):
            values = {"state": state, "record": record_fields(stored.record, {namespace})}
            state = expression.evaluate_lazily(values.__getitem__, {}, limits)
    except SyncropelError as error:
        if isinstance(error, Runaway) and budget is not None:
            raise
        return Mark(rule.name, None, error.message)
    return Mark(rule.name, state)


async def marks(rules: Sequence[Rule], records: Sequence[StoredRecord], namespace: str) -> list[Mark]:
    """The results of all rules for a task's records, computed off the event loop."""
    if not rules:
        return []
    return [await _marked(rule, records, namespace) for rule in rules]


async def _marked(rule: Rule, records: Sequence[StoredRecord], namespace: str) -> Mark:
    try:
        return await QUESTIONS.evaluate(partial(mark, rule, records, namespace), RULE_SECS)
    except Runaway as error:
        return Mark(rule.name, None, error.message)
