"""Equality, order, and membership: numbers compare across types; values of other types are never equal."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.values import (
    NONE,
    NUMBERS,
    CelError,
    CelType,
    Duration,
    Optional,
    Timestamp,
    UInt,
    key_of,
    no_overload,
)

_LONG: Final = 1_024
"""Texts up to this length compare within one step."""
_ATOMS: Final = frozenset({bool, int, float, UInt, Timestamp, Duration, CelType, type(None)})
_ORDERED: Final = frozenset({bool, int, float, UInt, str, bytes, Timestamp, Duration})

Relation = Callable[[Any, Any, Budget], bool]


def equal(one: Any, other: Any, budget: Budget) -> bool:
    """Whether two values are equal. Members cost a step each, texts by their length."""
    kind = one.__class__
    if kind is not other.__class__:
        return kind in NUMBERS and other.__class__ in NUMBERS and _numbers(operator.eq, one, other)
    if kind in _ATOMS:
        return bool(one == other)
    if kind is str or kind is bytes:
        if len(one) != len(other):
            return False
        budget.spend(len(one) // _LONG)
        return bool(one == other)
    if kind is list:
        if len(one) != len(other):
            return False
        budget.spend(1 + len(one))
        return all(equal(mine, yours, budget) for mine, yours in zip(one, other, strict=True))
    if kind is dict:
        if len(one) != len(other):
            return False
        budget.spend(1 + len(one))
        return all(key in other and equal(mine, other[key], budget) for key, mine in one.items())
    if kind is Optional:
        if one is NONE or other is NONE:
            return one is other
        return equal(one.value, other.value, budget)
    raise no_overload("==", one, other)


def _numbers(apply: Callable[[Any, Any], bool], one: Any, other: Any) -> bool:
    # Compared with a double, an integer counts as the nearest double, as in every other CEL implementation.
    if one.__class__ is float or other.__class__ is float:
        return apply(float(one), float(other))
    return apply(int(one), int(other))


def unequal(one: Any, other: Any, budget: Budget) -> bool:
    """Whether two values differ."""
    return not equal(one, other, budget)


def _ordered(name: str, apply: Callable[[Any, Any], bool]) -> Relation:
    def relation(one: Any, other: Any, budget: Budget) -> bool:
        kind = one.__class__
        if kind is other.__class__:
            if kind is str or kind is bytes:
                budget.spend(min(len(one), len(other)) // _LONG)
            if kind in _ORDERED:
                return apply(one, other)
        elif kind in NUMBERS and other.__class__ in NUMBERS:
            return _numbers(apply, one, other)
        raise no_overload(name, one, other)

    return relation


def member(item: Any, container: Any, budget: Budget) -> bool:
    """Whether a list has an element, or a map a key, that equals the item."""
    if container.__class__ is dict:
        kind = item.__class__
        return (kind in NUMBERS or kind is str or kind is bool) and key_of(item) in container
    if container.__class__ is not list:
        raise CelError("no such overload: in takes a list or a map on its right")
    if item.__class__ is str and len(item) <= _LONG:
        budget.spend(len(container) >> 3)
        return item in container  # Python agrees that a non-text never equals a text
    budget.spend(len(container))
    return any(equal(item, one, budget) for one in container)


def holds(container: Any, item: Any, budget: Budget) -> bool:
    """Like `member`, for `list.contains(item)`."""
    if container.__class__ is not list and container.__class__ is not dict:
        raise no_overload("contains", container, item)
    return member(item, container, budget)


RELATIONS: Final[dict[str, tuple[Callable[[Any, Any], bool], Relation]]] = {
    "==": (operator.eq, equal),
    "!=": (operator.ne, unequal),
    "<": (operator.lt, _ordered("<", operator.lt)),
    "<=": (operator.le, _ordered("<=", operator.le)),
    ">": (operator.gt, _ordered(">", operator.gt)),
    ">=": (operator.ge, _ordered(">=", operator.ge)),
}
"""Operator → the comparison for two values of one simple class in Python, and the one for any two values."""
SIMPLE: Final = frozenset({int, float, bool})
"""Classes for which Python's comparison and CEL's agree."""
