"""CEL's operators over functions of a frame: their types, error handling, and costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.comparing import RELATIONS, SIMPLE, member
from syncropel.cel.frame import Frame, Run
from syncropel.cel.times import moment, span
from syncropel.cel.values import (
    NONE,
    NUMBERS,
    CelError,
    Duration,
    Optional,
    Timestamp,
    UInt,
    integer,
    no_overload,
    optional_select,
    unsigned,
)

_SHORT: Final = 1_024
"""Texts up to this length are compared without being counted."""


def compare(sign: str, left: Run, right: Run) -> Run:
    """A relation of two values."""
    simply, thoroughly = RELATIONS[sign]

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        kind = one.__class__
        if kind is other.__class__ and (kind in SIMPLE or (kind is str and len(one) <= _SHORT)):
            return simply(one, other)
        return thoroughly(one, other, frame.budget)

    return run


def compare_alike(sign: str, left: Run, right: Run) -> Run:
    """Like `compare`; two values of unlike types are an error, except null."""
    _, thoroughly = RELATIONS[sign]

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        kinds = {one.__class__, other.__class__}
        if len(kinds) > 1 and not kinds <= NUMBERS and type(None) not in kinds:
            raise no_overload(sign, one, other)
        return thoroughly(one, other, frame.budget)

    return run


def logic(terms: Sequence[Run], *, decisive: bool) -> Run:
    """`||` where true is decisive, `&&` where false is: an error yields to a decisive term."""
    otherwise = not decisive

    def run(frame: Frame) -> Any:
        failure: CelError | None = None
        for term in terms:
            try:
                value = term(frame)
            except CelError as error:
                failure = failure or error
                continue
            if value is otherwise:
                continue
            if value is decisive:
                return decisive
            failure = failure or CelError("no such overload: && and || take booleans")
        if failure is not None:
            raise failure
        return otherwise

    return run


def has(argument: Run) -> Run:
    """Whether the argument has a value, when the argument is not a field selection."""

    def run(frame: Frame) -> Any:
        try:
            argument(frame)
        except CelError:
            return False
        return True

    return run


def has_field(of: Run, name: str) -> Run:
    """Whether there is a field of this name. Also false where something on the path to it is missing."""

    def run(frame: Frame) -> Any:
        try:
            value = of(frame)
            if value.__class__ is Optional:
                return optional_select(value, name) is not NONE
        except CelError:
            return False
        return value.__class__ is dict and name in value

    return run


def contains(left: Run, right: Run) -> Run:
    """`item in container`."""
    return lambda frame: member(left(frame), right(frame), frame.budget)


def negate(of: Run) -> Run:
    """`-of`."""

    def run(frame: Frame) -> Any:
        value = of(frame)
        kind = value.__class__
        if kind is int:
            return integer(-value)
        if kind is float:
            return -value
        if kind is Duration:
            return span(-value.nanos)
        raise no_overload("-", value)

    return run


def invert(of: Run) -> Run:
    """`!of`."""

    def run(frame: Frame) -> Any:
        value = of(frame)
        if value.__class__ is not bool:
            raise no_overload("!", value)
        return not value

    return run


def calculate(sign: str, left: Run, right: Run) -> Run:
    """Arithmetic of two values."""
    table = _ARITHMETIC[sign]

    def run(frame: Frame) -> Any:
        one, other = left(frame), right(frame)
        apply = table.get((one.__class__, other.__class__))
        if apply is None:
            raise no_overload(sign, one, other)
        return apply(one, other, frame.budget)

    return run


_Apply = Callable[[Any, Any, Budget], Any]


def _joined(one: Any, other: Any, budget: Budget) -> Any:
    budget.build(len(one) + len(other))
    return one + other


def _chained(one: list[Any], other: list[Any], budget: Budget) -> list[Any]:
    budget.spend(len(one) + len(other) >> 4)  # a member takes as much memory as eight characters
    budget.build(len(one) + len(other))
    return one + other


def _quotient(one: int, other: int) -> int:
    if other == 0:
        raise CelError("divide by zero")
    found = abs(one) // abs(other)
    return found if (one < 0) == (other < 0) else -found


def _remainder(one: int, other: int) -> int:
    if other == 0:
        raise CelError("modulus by zero")
    found = abs(one) % abs(other)
    return -found if one < 0 else found


def _divided(one: float, other: float, budget: Budget) -> float:
    if other:
        return one / other
    if math.isnan(one) or one == 0:
        return math.nan
    return math.inf if math.copysign(1.0, one) == math.copysign(1.0, other) else -math.inf


def _doubles(apply: _Apply) -> dict[tuple[type, type], _Apply]:
    # JSON does not distinguish 1 from 1.0, so a rule about a cost must not depend on which was sent.
    def mixed(one: Any, other: Any, budget: Budget) -> Any:
        return apply(float(one), float(other), budget)

    return {(float, float): apply, (float, int): mixed, (int, float): mixed}


def _times(nanos: Callable[[int, int], int]) -> _Apply:
    return lambda one, other, budget: span(nanos(one.nanos, other.nanos))


_ARITHMETIC: Final[dict[str, dict[tuple[type, type], _Apply]]] = {
    "+": {
        (int, int): lambda one, other, budget: integer(one + other),
        (UInt, UInt): lambda one, other, budget: unsigned(int(one) + int(other)),
        **_doubles(lambda one, other, budget: one + other),
        (str, str): _joined,
        (bytes, bytes): _joined,
        (list, list): _chained,
        (Duration, Duration): _times(lambda one, other: one + other),
        (Timestamp, Duration): lambda one, other, budget: moment(one.nanos + other.nanos),
        (Duration, Timestamp): lambda one, other, budget: moment(one.nanos + other.nanos),
    },
    "-": {
        (int, int): lambda one, other, budget: integer(one - other),
        (UInt, UInt): lambda one, other, budget: unsigned(int(one) - int(other)),
        **_doubles(lambda one, other, budget: one - other),
        (Duration, Duration): _times(lambda one, other: one - other),
        (Timestamp, Timestamp): _times(lambda one, other: one - other),
        (Timestamp, Duration): lambda one, other, budget: moment(one.nanos - other.nanos),
    },
    "*": {
        (int, int): lambda one, other, budget: integer(one * other),
        (UInt, UInt): lambda one, other, budget: unsigned(int(one) * int(other)),
        **_doubles(lambda one, other, budget: one * other),
    },
    "/": {
        (int, int): lambda one, other, budget: integer(_quotient(one, other)),
        (UInt, UInt): lambda one, other, budget: unsigned(_quotient(one, other)),
        **_doubles(_divided),
    },
    "%": {
        (int, int): lambda one, other, budget: integer(_remainder(one, other)),
        (UInt, UInt): lambda one, other, budget: unsigned(_remainder(one, other)),
    },
}
