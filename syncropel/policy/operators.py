"""CEL's operators over functions of a frame: what they take, what they absorb, what they cost."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from celpy import celtypes

from syncropel.policy.budget import Budget
from syncropel.policy.syntax import BadLiteral
from syncropel.policy.values import ABSORBED, FALSE, TRUE, WHOLE, CelError, solid, truth

if TYPE_CHECKING:
    from syncropel.policy.compiler import Frame, Run

MAX_PATTERN_CHARS: Final = 1_000
CONVERSIONS: Final = frozenset({"bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint"})
"""Functions that take no list and no map (cel-spec, list of standard definitions); Python would write one out
whole, which no budget can stop."""

OPERATORS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "relation_lt": operator.lt,
    "relation_le": operator.le,
    "relation_ge": operator.ge,
    "relation_gt": operator.gt,
    "relation_eq": operator.eq,
    "relation_ne": operator.ne,
    "relation_in": operator.contains,
    "addition_add": operator.add,
    "addition_sub": operator.sub,
    "multiplication_mul": operator.mul,
    "multiplication_div": operator.truediv,
    "multiplication_mod": operator.mod,
}


_Table = dict[type, Callable[[Any, Any], Any]]


def _same_class(op: str, *kinds: type) -> _Table:
    own = {
        celtypes.StringType: str,
        celtypes.IntType: int,
        celtypes.DoubleType: float,
        celtypes.BoolType: int,
    }
    return {kind: getattr(own[kind], op) for kind in kinds}


_NUMBERS: Final = (celtypes.StringType, celtypes.IntType, celtypes.DoubleType)
SAME_CLASS: Final[dict[str, _Table]] = {
    "relation_eq": _same_class("__eq__", *_NUMBERS, celtypes.BoolType),
    "relation_ne": _same_class("__ne__", *_NUMBERS, celtypes.BoolType),
    "relation_lt": _same_class("__lt__", *_NUMBERS),
    "relation_le": _same_class("__le__", *_NUMBERS),
    "relation_gt": _same_class("__gt__", *_NUMBERS),
    "relation_ge": _same_class("__ge__", *_NUMBERS),
}
"""Comparisons of two values of one class: what the CEL types come to once they have seen that it is one."""


def compare(name: str, left: Run, right: Run) -> Run:
    """A relation of two values."""
    apply, same = OPERATORS[name], SAME_CLASS[name]

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        kind = one.__class__
        if kind is other.__class__ and kind in same:
            return TRUE if same[kind](one, other) else FALSE
        if kind in WHOLE or other.__class__ in WHOLE:
            one, other = solid(one, frame.budget), solid(other, frame.budget)
        return truth(apply(one, other))

    return run


def logic(terms: list[Run], *, decisive: bool) -> Run:
    answer, otherwise = truth(decisive), truth(not decisive)

    def run(frame: Frame) -> Any:
        failure: Exception | None = None
        for term in terms:
            try:
                value = term(frame)
            except ABSORBED as error:
                failure = failure or error
                continue
            if value is otherwise:
                continue
            if not isinstance(value, celtypes.BoolType):
                failure = failure or CelError("no such overload: && and || take booleans")
            elif bool(value) is decisive:
                return answer
        if failure is not None:
            raise failure
        return otherwise

    return run


def has(argument: Run) -> Run:
    def run(frame: Frame) -> Any:
        try:
            argument(frame)
        except ABSORBED:
            return FALSE
        return TRUE

    return run


def contains(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> Any:
        item, container = left(frame), right(frame)
        if not isinstance(container, dict | list | tuple):
            raise CelError("no such overload: in takes a list or a map on its right")
        item = solid(item, frame.budget)
        frame.budget.spend(len(container) >> 3)
        failure = False
        for one in container:
            try:
                if solid(one, frame.budget) == item:
                    return TRUE
            except TypeError:
                failure = True
        if failure:
            raise CelError("no such overload: in compares values of different types")
        return FALSE

    return run


def add(left: Run, right: Run) -> Run:
    def run(frame: Frame) -> Any:
        one, other = solid(left(frame), frame.budget), solid(right(frame), frame.budget)
        if isinstance(one, str | bytes | list) and isinstance(other, str | bytes | list):
            frame.budget.build(len(one) + len(other))
        return one + other

    return run


def size(arguments: list[Run], node: Any) -> Run:
    if len(arguments) != 1:
        raise BadLiteral("size() takes one argument", node)
    (of,) = arguments

    def run(frame: Frame) -> Any:
        value = of(frame)
        if value is not None and not hasattr(value, "__len__"):
            raise CelError("no such overload: size()")
        return celtypes.IntType(0 if value is None else len(value))

    return run


def check_pattern(given: list[Any], budget: Budget) -> None:
    # RE2 is linear in text times pattern, so both are what it costs.
    if len(given) == 2 and isinstance(given[0], str) and isinstance(given[1], str):
        if len(given[1]) > MAX_PATTERN_CHARS:
            raise CelError(f"a pattern has at most {MAX_PATTERN_CHARS} characters")
        budget.spend(4 + (len(given[0]) * len(given[1]) >> 12))
