"""How often to ask for what no event tells: an answer that depends on the time, or on other instances."""

from __future__ import annotations

from typing import Final

FIRST_SECS: Final = 0.02
LONGEST_SECS: Final = 0.25
_PART: Final = 8


def rest_secs(waited: float) -> float:
    """How long to rest before the next question, after waiting for so many seconds.

    A quick end is seen at once, a later one an eighth too late at most, and a long wait is no load for the
    daemon.
    """
    return min(LONGEST_SECS, max(FIRST_SECS, waited / _PART))
