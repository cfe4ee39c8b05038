"""JSON values as an expression sees them: converted to CEL types only where it looks, and only once.

A record may hold a million numbers of which a rule reads one name. So objects and lists stay plain Python
until a function needs them whole; what is taken out of them is converted on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from celpy import celtypes

from syncropel.policy.budget import Budget

_SLICE: Final = 256
"""Members that are converted between two looks at the clock."""


def _int(value: int) -> celtypes.IntType:
    # celtypes.IntType(value) checks the same, at 50 times the cost.
    if not -(2**63) <= value < 2**63:
        raise ValueError("overflow")
    return int.__new__(celtypes.IntType, value)


TRUE: Final = celtypes.BoolType(True)
FALSE: Final = celtypes.BoolType(False)


def truth(value: Any) -> celtypes.BoolType:
    """Python's true or false as CEL's."""
    return TRUE if value else FALSE


SCALARS: dict[type, Any] = {
    str: partial(str.__new__, celtypes.StringType),
    bool: truth,
    int: _int,
    float: partial(float.__new__, celtypes.DoubleType),
}
"""Class of a plain scalar → what makes it CEL's: what the types' own constructors come to for this class."""
WHOLE = (dict, list, tuple)


class CelError(Exception):
    """An error inside an expression; `&&`, `||`, `all` and `exists` may absorb it, as CEL says."""


ABSORBED = (CelError, ValueError, TypeError, LookupError, ArithmeticError)
"""Errors inside an expression, as opposed to its being stopped."""


def shallow(value: Any) -> Any:
    """The value with its own type converted, its members left alone. Raises ValueError beyond 64 bits."""
    convert = SCALARS.get(value.__class__)
    return value if convert is None else convert(value)


def solid(value: Any, budget: Budget) -> Any:
    """The value with everything in it converted, each member a step."""
    kind = value.__class__
    if kind not in WHOLE:
        return shallow(value)
    budget.spend(1 + len(value))
    if kind is dict:
        return celtypes.MapType(
            {
                celtypes.StringType(key): solid(item, budget)
                for part in _slices(value.items(), budget)
                for key, item in part
            }
        )
    return celtypes.ListType([solid(item, budget) for part in _slices(value, budget) for item in part])


def _slices(members: Iterable[Any], budget: Budget) -> Iterator[list[Any]]:
    rest = iter(members)
    while part := list(islice(rest, _SLICE)):
        yield part
        budget.look()


def plain(value: Any, budget: Budget) -> Any:
    """The value as JSON can carry it, each member a step; times and durations become text."""
    # What a macro builds may hold one list many times over, so small values can be long when written out.
    if isinstance(value, celtypes.BoolType):
        return bool(value)
    if value is None or value.__class__ in SCALARS:
        return value
    if isinstance(value, dict):
        budget.spend(1 + len(value))
        return {str(key): plain(item, budget) for key, item in value.items()}
    if isinstance(value, list | tuple):
        budget.spend(1 + len(value))
        return [plain(item, budget) for item in value]
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def select(value: Any, name: str) -> Any:
    """The member of this name."""
    if isinstance(value, dict):
        try:
            found = value[name]
            convert = SCALARS.get(found.__class__)
            return found if convert is None else convert(found)
        except KeyError:
            raise CelError(f"no such member in mapping: {name!r}") from None
    raise CelError(f"no such overload: {kind_of(value)} has no field {name!r}")


def index(value: Any, key: Any) -> Any:
    """The element at a key or a position."""
    try:
        if isinstance(value, dict):
            return shallow(value[key])
        if isinstance(value, list | tuple):
            if not isinstance(key, celtypes.IntType | celtypes.UintType):
                raise CelError(f"no such overload: a list has no element at {kind_of(key)}")
            if key < 0:
                raise CelError("invalid_argument: a position counts from 0")
            return shallow(value[int(key)])
    except KeyError:
        raise CelError(f"no such key: {key!r}") from None
    except IndexError:
        raise CelError(f"invalid_argument: there is no element {int(key)}") from None
    raise CelError(f"no such overload: {kind_of(value)} has no elements")


def kind_of(value: Any) -> str:
    """What to call the value's type in a message."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "map"
    if isinstance(value, list | tuple):
        return "list"
    return type(value).__name__.removesuffix("Type").lower()
