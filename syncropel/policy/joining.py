"""Join predicates: invalid ones are refused with the column; CEL is evaluated only when it is needed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

from syncropel.cel.budget import INLINE_STEPS, MAX_STEPS, Budget, Runaway
from syncropel.cel.expression import (
    EvaluationFailed,
    Expression,
    InvalidExpression,
    compile_expression,
    compiles_slowly,
)
from syncropel.cel.names import Vocabulary
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.fanout.join import JoinDecision, JoinRule, decide, parse_join
from syncropel.folds.fanout.spec import MAX_SUBTASKS, FanOutSpec, Subtask
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.fanout.subtasks import Child, fan_out_children
from syncropel.folds.fanout.tally import Counted, Tally, tally_of
from syncropel.folds.forks.join import undecided
from syncropel.policy.lanes import JOINS, QUESTIONS

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
        "approved",
        "thread",
    }
)
_PARENT_FIELDS: Final = frozenset({"thread", "alias", "namespace", "join", "cost_usd"})

_REST_SECS: Final = 30.0
"""How long a join that timed out is not evaluated again over the same subtasks."""
JOIN_VOCABULARY: Final = Vocabulary(
    objects=(("parent", _PARENT_FIELDS),), lists=(("children", _CHILD_FIELDS),)
)
"""The names available in a join: `parent`, and `children`, a list."""


def compile_join(source: str) -> Expression:
    """Compile a CEL join. Raises InvalidExpression with its column."""
    return compile_expression(source, JOIN_VOCABULARY)


def prepare_join(source: str) -> None:
    """Compile a join into the cache for `check_join` and the decision. Raises InvalidExpression."""
    compile_join(source)
    compile_expression(source, JOIN_VOCABULARY, strict=True)


def check_join(spec: FanOutSpec) -> None:
    """Refuse a join that can never yield true or false.

    Raises InvalidFanOut for an invalid shorthand, and InvalidExpression for CEL that does not compile, uses
    unknown names, or whose value is not a boolean.
    """
    rule = parse_join(spec.join, len(spec.subtasks))
    if not rule.is_cel:
        return
    expression = compile_expression(spec.join, JOIN_VOCABULARY, strict=True)
    fresh = FanOut("", "", spec, 0.0, 0, spec.join)
    try:
        budget = Budget(INLINE_STEPS)
        bindings = joined_over(fresh, fan_out_children(fresh), "")
        value, kind = expression.evaluate_typed(bindings.__getitem__, {}, budget)
    except Runaway:
        return  # too costly to try on the event loop; it is decided in a lane, within its budget
    except EvaluationFailed as error:
        # Before anything ran, some errors are natural (no first element yet); comparing a text with a number
        # never succeeds.
        if "overload" in error.message:
            raise InvalidExpression(
                error.message, spec.join, 1, 1, "compare a text with a text, a number with a number"
            ) from None
        return
    if not isinstance(value, bool):
        raise InvalidExpression(
            f"the join gives {kind}, not true or false", spec.join, 1, 1, "compare it: … > 0"
        )


def check_fork_join(join: str) -> None:
    """As `check_join`, for a join over child threads, whose number is not known.

    Raises InvalidFanOut, InvalidExpression.
    """
    if parse_join(join, MAX_SUBTASKS).is_cel:
        check_join(FanOutSpec((Subtask(0, "", ""),), join, DEFAULT))


def joined_over(fanout: FanOut, children: Sequence[Child] | Tally, alias: str) -> dict[str, Any]:
    """The data that a join is decided from."""
    return {"children": tally_of(children).cel_children(), "parent": _parent(fanout, alias)}


@dataclass(frozen=True)
class Evaluated:
    """The result of a join's expression: its value, or the problem. `timed_out`: another evaluation may
    succeed.
    """

    value: bool | None
    problem: str = ""
    timed_out: bool = False


async def decide_join(
    fanout: FanOut, children: Sequence[Child] | Tally, alias: str, names: dict[str, str]
) -> tuple[JoinRule, JoinDecision]:
    """Decide the fan-out's current join; an expensive expression is evaluated off the event loop."""
    tally = tally_of(children)
    rule = parse_join_safely(fanout.join, tally.total)
    if not rule.is_cel:
        return rule, decide(rule, tally, None, names)
    bindings = joined_over(fanout, tally, alias)
    found = _at_once(rule.text, bindings) or _slow.known(fanout.thread, rule.text, bindings)
    if found is None:
        tally = Counted(tally.children())  # what is evaluated, whatever arrives meanwhile
        known_slow = _slow.has(fanout.thread, rule.text)
        work = partial(_evaluate_once, fanout.thread, rule.text, bindings)
        found = await JOINS.evaluate(work, slow=known_slow)
    return rule, decide(rule, tally, found.value, names, found.problem)


async def decide_fork_join(fanout: FanOut, alias: str) -> JoinDecision:
    """Decide a join over child threads, which are the subtasks of `fanout`."""
    known = undecided(fanout)
    return known or (await decide_join(fanout, fan_out_children(fanout), alias, {}))[1]


def decide_join_from_thread(
    fanout: FanOut, children: Sequence[Child] | Tally, alias: str, names: dict[str, str]
) -> JoinDecision:
    """Like `decide_join`, for a thread that may block; never for the event loop's."""
    tally = tally_of(children)
    rule = parse_join_safely(fanout.join, tally.total)
    if not rule.is_cel:
        return decide(rule, tally, None, names)
    bindings = joined_over(fanout, tally, alias)
    found = _at_once(rule.text, bindings)
    if found is None:
        found = QUESTIONS.wait_for(partial(_evaluate_fully, rule.text, bindings))
    return decide(rule, tally, found.value, names, found.problem)


def decide_join_now(
    fanout: FanOut, children: Sequence[Child] | Tally, alias: str, names: dict[str, str]
) -> JoinDecision:
    """Like `decide_join`, without ever waiting: while a value is not known, the join counts as
    satisfiable."""
    tally = tally_of(children)
    rule = parse_join_safely(fanout.join, tally.total)
    decision = decide(rule, tally, None, names)
    if decision.satisfiable or not rule.is_cel:
        return decision
    bindings = joined_over(fanout, tally, alias)
    found = _at_once(rule.text, bindings) or _slow.known(fanout.thread, rule.text, bindings)
    if found is None:
        return JoinDecision(False, True, "the join is being evaluated", (), "the join is being evaluated")
    return decide(rule, tally, found.value, names, found.problem)


def _at_once(source: str, bindings: dict[str, Any]) -> Evaluated | None:
    """The result of a join that is cheap enough for the event loop; None when it is not."""
    if compiles_slowly(source, JOIN_VOCABULARY):
        return None
    try:
        return _evaluate(source, bindings, Budget(INLINE_STEPS))
    except Runaway:
        return None


def _evaluate(source: str, bindings: dict[str, Any], budget: Budget) -> Evaluated:
    try:
        value = compile_join(source).evaluate(bindings, budget)
    except (EvaluationFailed, InvalidExpression) as error:
        return Evaluated(None, error.message)
    return (
        Evaluated(value)
        if isinstance(value, bool)
        else Evaluated(None, "its value is neither true nor false")
    )


def _evaluate_fully(source: str, bindings: dict[str, Any], budget: Budget) -> Evaluated:
    try:
        return _evaluate(source, bindings, budget)
    except Runaway as error:
        if budget.limit < MAX_STEPS:
            raise
        return Evaluated(None, error.message, error.timed_out)


def _evaluate_once(thread: str, source: str, bindings: dict[str, Any], budget: Budget) -> Evaluated:
    # While this waited for its turn, another caller may have evaluated the same.
    known = _slow.known(thread, source, bindings)
    if known is None:
        known = _evaluate_fully(source, bindings, budget)
        _slow.keep(thread, source, bindings, known)
    return known


class _Kept(NamedTuple):
    source: str
    bindings: dict[str, Any]
    gave: Evaluated
    at: float


class _SlowJoins:
    """Results of expensive joins, by thread, valid for exactly these subtasks. Thread-safe."""

    _MOST: Final = 256

    def __init__(self) -> None:
        self._found: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, thread: str, source: str) -> bool:
        with self._lock:
            found = self._found.get(thread)
            return found is not None and found.source == source

    def known(self, thread: str, source: str, bindings: dict[str, Any]) -> Evaluated | None:
        with self._lock:
            found = self._found.get(thread)
        if found is None or (found.source, found.bindings) != (source, bindings):
            return None
        late = found.gave.timed_out and time.monotonic() - found.at > _REST_SECS
        return None if late else found.gave

    def keep(self, thread: str, source: str, bindings: dict[str, Any], found: Evaluated) -> None:
        with self._lock:
            self._found[thread] = _Kept(source, bindings, found, time.monotonic())
            self._found.move_to_end(thread)
            while len(self._found) > self._MOST:
                self._found.popitem(last=False)


_slow: Final = _SlowJoins()


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
