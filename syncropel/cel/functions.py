"""All functions of the language: by name, then by argument classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.conversions import CONVERSIONS
from syncropel.cel.optionals import OPTIONALS
from syncropel.cel.strings import STRINGS
from syncropel.cel.times import TIMES

Overloads = dict[tuple[type, ...], Callable[..., Any]]
"""Argument classes → the function, which takes a budget and the arguments, and raises only CelError."""

FUNCTIONS: Final[dict[str, Overloads]] = {**CONVERSIONS, **OPTIONALS, **STRINGS, **TIMES}
"""Called as `name(…)` or as a method; names with a dot only in full."""
OTHERWISE: Final = frozenset({"or", "orValue"})
"""Methods of an optional value whose argument is evaluated only when needed."""
SPACES: Final = frozenset(name.partition(".")[0] for name in FUNCTIONS if "." in name) | {"cel"}
"""The part before the dot of a function's name, which is not a value."""
ARITIES: Final = {name: frozenset(map(len, overloads)) for name, overloads in FUNCTIONS.items()}
"""Name → allowed argument counts, including the receiver of a method."""
