"""All functions of the language: by name, then by the classes of what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.conversions import CONVERSIONS
from syncropel.cel.optionals import OPTIONALS
from syncropel.cel.strings import STRINGS
from syncropel.cel.times import TIMES

Overloads = dict[tuple[type, ...], Callable[..., Any]]
"""Classes of the arguments → the function, which takes a budget and them, and raises CelError alone."""

FUNCTIONS: Final[dict[str, Overloads]] = {**CONVERSIONS, **OPTIONALS, **STRINGS, **TIMES}
"""Called as `name(…)` or as a method; those with a dot only by their whole name."""
OTHERWISE: Final = frozenset({"or", "orValue"})
"""Methods of an optional value whose argument is evaluated only where it is needed."""
SPACES: Final = frozenset(name.partition(".")[0] for name in FUNCTIONS if "." in name) | {"cel"}
"""What stands before the dot of a function's name, and is no value."""
ARITIES: Final = {name: frozenset(map(len, overloads)) for name, overloads in FUNCTIONS.items()}
"""Name → how many arguments it may have, the one before the dot of a method included."""
