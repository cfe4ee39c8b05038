"""`text.format(values)` of the `strings` extension."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from syncropel.cel.budget import Budget
from syncropel.cel.values import (
    NUMBERS,
    CelError,
    CelType,
    Duration,
    Timestamp,
    UInt,
    double_text,
    kind_of,
    time_text,
    unkeyed,
)

MAX_PRECISION: Final = 100
_DEFAULT_PRECISION: Final = 6
_CLAUSE: Final = re.compile(r"%(?:%|(?:\.([0-9]{1,3}))?([sdfebxXo]))")
_WHOLE: Final = frozenset({int, UInt})


def format_text(budget: Budget, template: str, values: list[Any]) -> str:
    """The template with each clause replaced by its value. Raises CelError for an invalid clause, a value of
    the wrong type, and too few values.
    """
    budget.build(len(template))
    given = iter(values)
    parts: list[str] = []
    at = 0
    while (start := template.find("%", at)) >= 0:
        clause = _CLAUSE.match(template, start)
        if clause is None:
            raise CelError(f"{template[start : start + 2]!r} is not a format clause")
        parts += (template[at:start], _formatted(clause, given, budget))
        at = clause.end()
    parts.append(template[at:])
    budget.build(sum(map(len, parts)))
    return "".join(parts)


def _formatted(clause: re.Match[str], given: Iterator[Any], budget: Budget) -> str:
    precision, letter = clause.groups()
    budget.spend(1)
    if letter is None:
        return "%"
    try:
        value = next(given)
    except StopIteration:
        raise CelError("the format has more clauses than values") from None
    digits = _DEFAULT_PRECISION if precision is None else int(precision)
    if digits > MAX_PRECISION or (precision is not None and letter not in "fe"):
        raise CelError(f"{clause[0]!r} is not a format clause")
    text = _WRITERS[letter](value, digits, budget)
    if text is None:
        raise CelError(f"no such overload: a format's %{letter} takes no {kind_of(value)}")
    return text


def _string(value: Any, digits: int, budget: Budget) -> str | None:
    kind = value.__class__
    budget.spend(1)
    if kind is str:
        budget.build(len(value))
        return str(value)
    if kind is bool or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if kind in _WHOLE:
        return str(int(value))
    if kind is float:
        return double_text(value)
    if kind is bytes:
        budget.build(len(value))
        return bytes(value).decode("utf-8", "replace")
    if kind is CelType:
        return str(value.name)
    if kind is Timestamp or kind is Duration:
        return time_text(value)
    if kind is list:
        return f"[{', '.join(_whole([_inner(item, budget) for item in value], budget))}]"
    if kind is dict:
        entries = sorted((_inner(unkeyed(key), budget), _inner(item, budget)) for key, item in value.items())
        budget.spend(len(entries))
        return "{" + ", ".join(_whole([f"{key}: {item}" for key, item in entries], budget)) + "}"
    return None


def _inner(value: Any, budget: Budget) -> str:
    text = _string(value, 0, budget)
    if text is None:
        raise CelError(f"no such overload: a format's %s takes no {kind_of(value)}")
    return text


def _whole(parts: list[str], budget: Budget) -> list[str]:
    budget.build(sum(map(len, parts)))
    return parts


def _decimal(value: Any, digits: int, budget: Budget) -> str | None:
    if value.__class__ is float and not math.isfinite(value):
        return double_text(value)
    return _string(value, digits, budget) if value.__class__ in NUMBERS else None


def _double(style: str) -> Callable[[Any, int, Budget], str | None]:
    def write(value: Any, digits: int, budget: Budget) -> str | None:
        if not isinstance(value, int | float) or value.__class__ is bool:
            return None
        number = float(value)
        return f"{number:.{digits}{style}}" if math.isfinite(number) else double_text(number)

    return write


def _binary(value: Any, digits: int, budget: Budget) -> str | None:
    return f"{int(value):b}" if value.__class__ in _WHOLE or value.__class__ is bool else None


def _octal(value: Any, digits: int, budget: Budget) -> str | None:
    return f"{int(value):o}" if value.__class__ in _WHOLE else None


def _hexadecimal(value: Any, digits: int, budget: Budget) -> str | None:
    if value.__class__ in _WHOLE:
        return f"{int(value):x}"
    if isinstance(value, str | bytes):
        budget.build(2 * len(value))
        return (value if isinstance(value, bytes) else value.encode("utf-8", "replace")).hex()
    return None


def _upper(value: Any, digits: int, budget: Budget) -> str | None:
    text = _hexadecimal(value, digits, budget)
    return text.upper() if text is not None else None


_WRITERS: Final[dict[str, Callable[[Any, int, Budget], str | None]]] = {
    "s": _string,
    "d": _decimal,
    "f": _double("f"),
    "e": _double("e"),
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": _upper,
}
"""Clause letter → formatter; it returns None for values of a type it does not accept."""
