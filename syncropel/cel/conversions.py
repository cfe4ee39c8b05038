"""Conversions between types, and which of them fail."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.times import SECOND, moment, read_moment, read_span, span
from syncropel.cel.values import (
    TYPES,
    CelError,
    CelType,
    Duration,
    Timestamp,
    UInt,
    double_text,
    integer,
    time_text,
    unsigned,
)

_MAX_NUMBER_CHARS: Final = 400
"""A longer number is rejected: the largest double has 309 digits."""
_INTEGER: Final = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|([0-9]+))")
_DOUBLE: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}


def _read_int(text: str) -> int:
    match = _INTEGER.fullmatch(text) if len(text) <= _MAX_NUMBER_CHARS else None
    if match is None:
        raise CelError(f"{text[:40]!r} is not an integer")
    found = int(match[2], 16) if match[2] else int(match[3])
    return -found if match[1] == "-" else found


def _read_double(text: str) -> float:
    if len(text) > _MAX_NUMBER_CHARS or not _DOUBLE.fullmatch(text):
        raise CelError(f"{text[:40]!r} is not a double")
    return float(text)


def _read_bool(text: str) -> bool:
    if text not in _BOOLS:
        raise CelError(f"{text[:40]!r} is not a boolean")
    return _BOOLS[text]


def _truncated(value: float, bits: int) -> int:
    # A double at the end of the range may stand for a value beyond it.
    if not math.isfinite(value) or abs(value) >= 2.0**bits:
        raise CelError("overflow: the double does not fit into 64 bits")
    return math.trunc(value)


def _decoded(budget: Budget, value: bytes) -> str:
    budget.build(len(value))
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelError("these bytes are not UTF-8") from None


def _encoded(budget: Budget, value: str) -> bytes:
    budget.build(len(value))
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise CelError("this text cannot be written as UTF-8") from None


def _itself(budget: Budget, value: Any) -> Any:
    return value


def _type_of(budget: Budget, value: Any) -> CelType:
    return CelType(TYPES[value.__class__])


_Overloads = dict[tuple[type, ...], Callable[..., Any]]
CONVERSIONS: Final[dict[str, _Overloads]] = {
    "bool": {(bool,): _itself, (str,): lambda budget, text: _read_bool(text)},
    "bytes": {(bytes,): _itself, (str,): _encoded},
    "double": {
        (float,): _itself,
        (int,): lambda budget, value: float(value),
        (UInt,): lambda budget, value: float(value),
        (str,): lambda budget, text: _read_double(text),
    },
    "duration": {
        (Duration,): _itself,
        (int,): lambda budget, seconds: span(seconds * SECOND),
        (str,): lambda budget, text: read_span(text),
    },
    "int": {
        (int,): _itself,
        (UInt,): lambda budget, value: integer(int(value)),
        (float,): lambda budget, value: _truncated(value, 63),
        (str,): lambda budget, text: integer(_read_int(text)),
        (Timestamp,): lambda budget, at: at.nanos // SECOND,
    },
    "string": {
        (str,): _itself,
        (bool,): lambda budget, value: "true" if value else "false",
        (int,): lambda budget, value: str(value),
        (UInt,): lambda budget, value: str(value),
        (float,): lambda budget, value: double_text(value),
        (bytes,): _decoded,
        (Timestamp,): lambda budget, at: time_text(at),
        (Duration,): lambda budget, of: time_text(of),
    },
    "timestamp": {
        (Timestamp,): _itself,
        (int,): lambda budget, seconds: moment(seconds * SECOND),
        (str,): lambda budget, text: read_moment(text),
    },
    "type": {(kind,): _type_of for kind in TYPES},
    "uint": {
        (UInt,): _itself,
        (int,): lambda budget, value: unsigned(value),
        (float,): lambda budget, value: unsigned(_truncated(value, 64)),
        (str,): lambda budget, text: unsigned(_read_int(text)),
    },
}
"""Name → argument classes → implementation, which takes a budget and the arguments."""
