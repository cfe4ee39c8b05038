"""Values that may be missing: the result of `of.?name`, and the operations on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.values import NONE, TYPES, CelError, Duration, Optional, Timestamp

_PLAIN: Final = (bool, int, float, str, bytes, list, dict)
_ZERO_TIMES: Final = (Timestamp(0), Duration(0))


def _of_non_zero(budget: Budget, value: Any) -> Optional:
    return NONE if value is NONE or value in _ZERO_TIMES or not _is_something(value) else Optional(value)


def _is_something(value: Any) -> bool:
    # For JSON types, CEL's empty and zero values are those that Python treats as false.
    return bool(value) if value is None or isinstance(value, _PLAIN) else True


def _value(budget: Budget, of: Optional) -> Any:
    if of is NONE:
        raise CelError("optional.none() has no value")
    return of.value


_Overloads = dict[tuple[type, ...], Callable[..., Any]]
OPTIONALS: Final[dict[str, _Overloads]] = {
    "hasValue": {(Optional,): lambda budget, of: of is not NONE},
    "optional.none": {(): lambda budget: NONE},
    "optional.of": {(kind,): lambda budget, value: Optional(value) for kind in TYPES},
    "optional.ofNonZeroValue": {(kind,): _of_non_zero for kind in TYPES},
    "value": {(Optional,): _value},
}
"""Name → argument classes → implementation, which takes a budget and the arguments.

`or` and `orValue` are not here: the compiler evaluates their argument only when needed.
"""
