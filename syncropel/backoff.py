"""Waits after failures: exponential back-off with full jitter, the one implementation of it.

Full jitter takes a random part of each wait, from the first retry on, so that those who failed together do
not come back together.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

FIRST_SECS: Final = 0.2
LONGEST_SECS: Final = 5.0
_MOST_DOUBLINGS: Final = 32


def backoff_secs(failures: int, first_secs: float, longest_secs: float, share: float) -> float:
    """The number of seconds to wait after so many failures in a row.

    `first_secs` after the first, twice that after the next, and so on up to `longest_secs`; and of that the
    part `share`, a random number from 0 to 1.
    """
    doublings = min(max(0, failures - 1), _MOST_DOUBLINGS)
    return min(longest_secs, first_secs * 2.0**doublings) * share


class Backoff:
    """The waits of one activity, which begin again after a success. `share`: a random number from 0 to 1."""

    def __init__(
        self,
        longest_secs: float = LONGEST_SECS,
        share: Callable[[], float] = random.random,
        *,
        first_secs: float = FIRST_SECS,
    ) -> None:
        self._failures = 0
        self._first = first_secs
        self._longest = longest_secs
        self._share = share

    def failed(self) -> float:
        """The number of seconds to wait now."""
        self._failures += 1
        return backoff_secs(self._failures, self._first, self._longest, self._share())

    def succeeded(self) -> None:
        """The next wait is the first again."""
        self._failures = 0
