"""The values of an expression. JSON is used as it came, without converting it first.

null, bool, int, double, string, bytes, list, and map are Python's None, bool, int, float, str, bytes, list,
and dict. CEL's other types have classes here. The exact class decides: a bool is not an int.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from syncropel.cel.budget import Budget

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
MAX_UINT: Final = 2**64 - 1
MAX_DEPTH: Final = 100
"""Nesting that a result may have: the JSON writer fails at somewhat more than twice as much."""


class CelError(Exception):
    """An error inside an expression; `&&`, `||`, `all`, and `exists` may absorb it, as CEL specifies."""


class UInt(int):
    """An unsigned integer."""

    __slots__ = ()


@dataclass(frozen=True, order=True, slots=True)
class Timestamp:
    """A point in time, in nanoseconds since 1970 in UTC."""

    nanos: int


@dataclass(frozen=True, order=True, slots=True)
class Duration:
    """A duration, in nanoseconds."""

    nanos: int


@dataclass(frozen=True, slots=True)
class CelType:
    """A type as a value, as returned by `type()`."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Optional:
    """A value that may be missing; `NONE` is the empty one."""

    value: Any


NONE: Final = Optional(None)


@dataclass(frozen=True, slots=True)
class BoolKey:
    """A boolean as a map key, since Python treats True and 1 as the same key."""

    value: bool


TYPES: Final[dict[type, str]] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    UInt: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    CelType: "type",
    Optional: "optional_type",
}
"""Class of a value → the CEL name of its type."""
NUMBERS: Final = frozenset({int, UInt, float})


def kind_of(value: Any) -> str:
    """The CEL name of the value's type."""
    return TYPES.get(value.__class__, "unknown")


def no_overload(name: str, *values: Any) -> CelError:
    """The error of an operator or function that does not take values of these types."""
    return CelError(f"no such overload: {name}({', '.join(map(kind_of, values))})")


def shallow(value: Any) -> Any:
    """The value as an expression sees it. Raises CelError for an integer beyond 64 bits."""
    if value.__class__ is int and not MIN_INT <= value <= MAX_INT:
        raise CelError("overflow: the integer does not fit into 64 bits")
    return value


def integer(value: int) -> int:
    """The result of a computation. Raises CelError beyond 64 bits."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise CelError("overflow: the integer does not fit into 64 bits")


def unsigned(value: int) -> UInt:
    """Like `integer`, for an unsigned one."""
    if 0 <= value <= MAX_UINT:
        return UInt(value)
    raise CelError("overflow: the unsigned integer does not fit into 64 bits")


def select(value: Any, name: str) -> Any:
    """The member with this name."""
    if value.__class__ is dict:
        try:
            found = value[name]
        except KeyError:
            raise CelError(f"no such key: {name!r}") from None
        return found if found.__class__ is not int else shallow(found)
    if value.__class__ is Optional:
        return optional_select(value, name)
    raise CelError(f"no such overload: {kind_of(value)} has no field {name!r}")


def optional_select(value: Any, name: str) -> Optional:
    """The member with this name, if it exists, as in `of.?name`."""
    if value.__class__ is Optional:
        if value is NONE:
            return NONE
        value = value.value
    if value.__class__ is not dict:
        raise CelError(f"no such overload: {kind_of(value)} has no field {name!r}")
    return Optional(shallow(value[name])) if name in value else NONE


def index(value: Any, key: Any) -> Any:
    """The element at a key or position."""
    if value.__class__ is Optional:
        return optional_index(value, key)
    found = _element(value, key)
    if found is _ABSENT:
        what = f"no such key: {key!r:.80}" if value.__class__ is dict else f"there is no element {key}"
        raise CelError(what)
    return shallow(found)


def optional_index(value: Any, key: Any) -> Optional:
    """The element at a key or position, if it exists, as in `of[?key]`."""
    if value.__class__ is Optional:
        if value is NONE:
            return NONE
        value = value.value
    found = _element(value, key)
    return NONE if found is _ABSENT else Optional(shallow(found))


_ABSENT: Final = object()


def _element(value: Any, key: Any) -> Any:
    if value.__class__ is dict:
        return value.get(key_of(key), _ABSENT)
    if value.__class__ is list:
        place = _position(key)
        return value[place] if 0 <= place < len(value) else _ABSENT
    raise CelError(f"no such overload: {kind_of(value)} has no elements")


def _position(key: Any) -> int:
    kind = key.__class__
    if kind is int or kind is UInt:
        return int(key)
    if kind is float and key.is_integer():
        return int(key)
    raise CelError(f"no such overload: a list has no element at {kind_of(key)}")


def key_of(value: Any) -> Any:
    """The value as a dict key. A double only matches an integer that it equals."""
    kind = value.__class__
    if kind is str or kind is int or kind is UInt:
        return value
    if kind is bool:
        return BoolKey(value)
    if kind is float:
        return int(value) if value.is_integer() else _ABSENT
    raise CelError(f"no such overload: a map has no key of type {kind_of(value)}")


def unkeyed(key: Any) -> Any:
    """The value that a dict key stands for."""
    return key.value if key.__class__ is BoolKey else key


def plain(value: Any, budget: Budget, depth: int = 0) -> Any:
    """The value as JSON, one step per member. Times, types, and non-finite numbers become text."""
    # A macro's result may contain one list many times over, so a small value can become long as text.
    kind = value.__class__
    if kind in (str, bool, type(None), int):
        return value
    if depth > MAX_DEPTH:
        raise CelError(f"the result is nested over {MAX_DEPTH} deep")
    if kind is dict:
        budget.spend(1 + len(value))
        return {_written(key): plain(item, budget, depth + 1) for key, item in value.items()}
    if kind is list:
        budget.spend(1 + len(value))
        return [plain(item, budget, depth + 1) for item in value]
    if kind is float:
        return value if math.isfinite(value) else double_text(value)
    if kind is UInt:
        return int(value)
    if kind is bytes:
        budget.build(len(value))
        return value.decode("utf-8", "replace")
    if kind is Optional:
        return None if value is NONE else plain(value.value, budget, depth + 1)
    return str(value.name) if kind is CelType else time_text(value)


def _written(key: Any) -> str:
    if key.__class__ is BoolKey:
        return "true" if key.value else "false"
    return str(key)


def double_text(value: float) -> str:
    """A double as text; non-finite ones by their CEL names."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def time_text(value: Timestamp | Duration) -> str:
    """A timestamp as in RFC 3339, a duration in seconds."""
    seconds, nanos = divmod(abs(value.nanos) if isinstance(value, Duration) else value.nanos, 10**9)
    fraction = f".{nanos:09}".rstrip("0") if nanos else ""
    if isinstance(value, Duration):
        return f"{'-' if value.nanos < 0 else ''}{seconds}{fraction}s"
    days, seconds = divmod(seconds, 86_400)
    hour, minute = seconds // 3600, seconds // 60 % 60
    return f"{_EPOCH + timedelta(days)}T{hour:02}:{minute:02}:{seconds % 60:02}{fraction}Z"


_EPOCH: Final = date(1970, 1, 1)
