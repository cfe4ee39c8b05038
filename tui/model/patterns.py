"""Patterns of the filter line, by RE2: linear in the text, so none of them can hold up the console."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

LONGEST: Final = 200
"""Characters of a pattern."""
SEARCHED: Final = 2_000
"""Characters of a text that are searched."""
LARGEST: Final = 500
"""Instructions of a compiled pattern: `(a{30}){30}` is short, and would need 900."""
_MEMORY: Final = 1 << 20


class BadPattern(Exception):
    """It is no pattern, or too large a one; the message says why."""


class Pattern:
    """A compiled pattern; case does not matter. Raises BadPattern."""

    def __init__(self, text: str) -> None:
        self._compiled, self.size = _compile(text)

    def found(self, text: str) -> bool:
        """Whether it occurs in the text, as far as that is searched."""
        try:
            return self._compiled.search(text[:SEARCHED]) is not None
        except UnicodeEncodeError:
            return False  # half a surrogate pair: nothing that can be typed matches that

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it occurs: from, to."""
        try:
            for one in self._compiled.finditer(text[:SEARCHED]):
                if one.end() > one.start():
                    yield one.start(), one.end()
        except UnicodeEncodeError:
            return


@lru_cache(maxsize=64)
def _compile(text: str) -> tuple[Any, int]:
    import re2  # here, because most filters need none

    if len(text) > LONGEST:
        raise BadPattern(f"longer than {LONGEST} characters")
    options = re2.Options()
    options.log_errors, options.case_sensitive, options.max_mem = False, False, _MEMORY
    try:
        compiled = re2.compile(text, options)
    except UnicodeEncodeError:
        raise BadPattern("it has characters that cannot be written") from None
    except re2.error as error:
        told = error.args[0] if error.args else "it cannot be read"
        raise BadPattern(told.decode() if isinstance(told, bytes) else str(told)) from None
    if compiled.programsize > LARGEST:
        raise BadPattern("too large: fewer or smaller repetitions")
    return compiled, compiled.programsize
