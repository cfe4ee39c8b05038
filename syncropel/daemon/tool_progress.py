"""Says on stderr how far the work of a tool has come that takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final, Self

from syncropel.system.how_far import how_far

TERMINAL_SECS: Final = 1.0
PLAIN_SECS: Final = 10.0
_UNITS: Final = {"copying": "pages"}
"""What is counted, where that is not records."""


class ToolProgress:
    """Each second on a terminal, as a line that is replaced and gone at the end; otherwise a plain line every
    ten seconds, so that short work leaves none.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._terminal = sys.stderr.isatty()
        self._told = clock()
        self._what = ""
        self._since, self._before = 0.0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._write("\r\x1b[K")

    def __call__(self, what: str, done: int, of: int) -> None:
        """It does `what`, has done so many, and of so many. What was done before the first call counts for no
        rate.
        """
        now = self._clock()
        if what != self._what:
            self._what, self._since, self._before = what, now, done
        if now - self._told >= (TERMINAL_SECS if self._terminal else PLAIN_SECS):
            self._told = now
            told = how_far(done, of, self._before, now - self._since, _UNITS.get(what, "records"))
            self._write(f"\r\x1b[K{what}: {told}" if self._terminal else f"{what}: {told}\n")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
