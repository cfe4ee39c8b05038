"""Join predicates: refused with their column when they are bad, decided with CEL only when they need it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from syncropel.folds.fanout import FanOut
from syncropel.folds.join import JoinDecision, JoinRule, cel_children, decide, parse_join
from syncropel.folds.spec import FanOutSpec
from syncropel.folds.subtasks import Child, children
from syncropel.policy.budget import INLINE_STEPS, Budget, Runaway
from syncropel.policy.cel import (
    EvaluationFailed,
    Expression,
    InvalidExpression,
    compile_expression,
    evaluator,
)
from syncropel.policy.names import Vocabulary

_CHILD_FIELDS: Final = frozenset(
    {
        "index",
        "goal",
        "target",
        "worker",
        "state",
        "verdict",
        "summary",
        "cost_usd",
        "wall_time_secs",
        "attempt",
    }
)
_PARENT_FIELDS: Final = frozenset({"thread", "alias", "namespace", "join", "cost_usd"})

JOIN_VOCABULARY: Final = Vocabulary(
    objects=(("parent", _PARENT_FIELDS),), lists=(("children", _CHILD_FIELDS),)
)
"""What a join may name: `parent`, and `children`, a list."""


def compile_join(source: str) -> Expression:
    """Compile a CEL join. Raises InvalidExpression with its column."""
    return compile_expression(source, JOIN_VOCABULARY)


def check_join(spec: FanOutSpec) -> None:
    """Refuse a join that can never give a yes or a no.

    Raises InvalidFanOut for a bad shorthand, InvalidExpression for CEL that does not compile, names what does
    not exist, or whose value is not a boolean.
    """
    rule = parse_join(spec.join, len(spec.subtasks))
    if not rule.is_cel:
        return
    expression = compile_expression(spec.join, JOIN_VOCABULARY, strict=True)
    fresh = FanOut("", "", spec, 0.0, 0, spec.join)
    try:
        budget = Budget(INLINE_STEPS)
        value = expression.evaluate(_bindings(children(fresh), _parent(fresh, "")), budget)
    except Runaway:
        return  # too costly to try on the event loop; it is decided on the evaluator, within its budget
    except EvaluationFailed as error:
        # Before anything ran some errors are natural (no first element yet); comparing a text with a number
        # never comes right.
        if "overload" in error.message:
            raise InvalidExpression(
                error.message, spec.join, 1, 1, "compare a text with a text, a number with a number"
            ) from None
        return
    if not isinstance(value, bool):
        raise InvalidExpression(
            f"the join gives {type(value).__name__}, not true or false", spec.join, 1, 1, "compare it: … > 0"
        )


def _bindings(kids: Sequence[Child], parent: dict[str, Any]) -> dict[str, Any]:
    return {"children": cel_children(kids), "parent": parent}


async def decide_join(
    fanout: FanOut, kids: Sequence[Child], alias: str, names: dict[str, str]
) -> tuple[JoinRule, JoinDecision]:
    """Decide the fan-out's present join; a CEL expression is evaluated off the event loop."""
    rule = parse_join_safely(fanout.join, len(kids))
    value: bool | None = None
    if rule.is_cel:
        value = await asyncio.get_running_loop().run_in_executor(
            evaluator, _evaluate, rule.text, list(kids), _parent(fanout, alias)
        )
    return rule, decide(rule, kids, value, names)


def decide_join_from_thread(
    fanout: FanOut, kids: Sequence[Child], alias: str, names: dict[str, str]
) -> JoinDecision:
    """Like `decide_join`, for a thread that may wait; never for the event loop's."""
    rule = parse_join_safely(fanout.join, len(kids))
    value: bool | None = None
    if rule.is_cel:
        value = evaluator.submit(_evaluate, rule.text, list(kids), _parent(fanout, alias)).result()
    return decide(rule, kids, value, names)


def parse_join_safely(join: str, count: int) -> JoinRule:
    """Like `parse_join`; an amended join that is out of range asks for more accepts than there are."""
    try:
        return parse_join(join, count)
    except Exception:  # noqa: BLE001 - refused at the door; from a foreign log it must not stop the reconciler
        return JoinRule(join, count + 1)


def _parent(fanout: FanOut, alias: str) -> dict[str, Any]:
    return {
        "thread": fanout.thread,
        "alias": alias,
        "namespace": fanout.spec.namespace,
        "join": fanout.join,
        "cost_usd": fanout.cost_usd,
    }


def _evaluate(source: str, kids: Sequence[Child], parent: dict[str, Any]) -> bool | None:
    try:
        value = compile_join(source).evaluate(_bindings(kids, parent))
    except (EvaluationFailed, InvalidExpression, Runaway):
        return None
    return value if isinstance(value, bool) else None
