"""Fold rules: what operators want to know of a task beside its status, folded from its records alone."""

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
    """What a rule made of a task's records. `problem`: why it came to no end, empty when it did."""

    name: str
    value: Any
    problem: str = ""


def mark(rule: Rule, records: Sequence[StoredRecord], namespace: str, budget: Budget | None = None) -> Mark:
    """Fold the records, in whatever order they come: each time the expression's value is the next `state`.

    The budget is for all records together; raises Runaway when they need more than one that is given.
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
    """What every rule makes of a task's records, off the event loop."""
    if not rules:
        return []
    return [await _marked(rule, records, namespace) for rule in rules]


async def _marked(rule: Rule, records: Sequence[StoredRecord], namespace: str) -> Mark:
    try:
        return await QUESTIONS.evaluate(partial(mark, rule, records, namespace), RULE_SECS)
    except Runaway as error:
        return Mark(rule.name, None, error.message)
