"""Patterns by RE2, as CEL specifies: never exponential, with a cost known in advance."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import re2

from syncropel.cel.budget import Budget
from syncropel.cel.values import CelError

MAX_PATTERN_CHARS: Final = 1_000
_SMALL: Final = 128 << 10
"""Memory limit of a compiled pattern, about 6,000 instructions: `(a{30}){30}` is short and becomes 900. RE2
gives up on a larger one after a millisecond.
"""
_ROOM: Final = 1 << 20
"""Memory limit of a search; a search that needs more still works, but slower."""
_COMPILE_STEPS: Final = 200
MAX_PATTERNS: Final = 200
"""Literal patterns in one expression: as many as stay compiled."""


def matches(budget: Budget, text: str, pattern: str) -> bool:
    """Whether the pattern occurs in the text. Costs the text's length times the pattern's program size."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise CelError(f"a pattern has at most {MAX_PATTERN_CHARS} characters")
    budget.spend(_COMPILE_STEPS + len(pattern))
    _, program = _compile(pattern)
    budget.spend(program >> 2)
    return found(budget, text, pattern)


def found(budget: Budget, text: str, pattern: str) -> bool:
    """Like `matches`, for a pattern that is a literal in the expression: compiling it is free."""
    compiled, program = _compile(pattern)
    # Each character may have to be tried against every instruction: 128 of those take 2 steps at worst.
    budget.spend(len(text) * program >> 7)
    try:
        answer = compiled.search(text) is not None
    except UnicodeEncodeError:
        raise CelError("this text cannot be written as UTF-8") from None
    budget.look()
    return answer


@lru_cache(maxsize=256)
def _compile(pattern: str) -> tuple[Any, int]:
    if len(pattern) > MAX_PATTERN_CHARS:
        raise CelError(f"a pattern has at most {MAX_PATTERN_CHARS} characters")
    options = re2.Options()
    options.log_errors = False  # the caller gets the error
    options.never_capture = True  # only whether it matches is needed, which is the cheapest search
    try:
        options.max_mem = _SMALL
        re2.compile(pattern, options)
        options.max_mem = _ROOM
        compiled = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise CelError(f"invalid pattern {pattern[:40]!r}: {_reason(error)}") from None
    return compiled, compiled.programsize


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace")[:80] if isinstance(reason, bytes) else "it is not UTF-8"
