"""When a worker connects again: with jitter from the first try on, so that a fleet does not come at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from syncropel.backoff import Backoff

FIRST_SECS: Final = 3.0
LONGEST_SECS: Final = 30.0
PROVEN_SECS: Final = 30.0
"""A link that lived for so long was a success: the next wait is the first again."""
_STEP_SECS: Final = 1.0


class Reconnects:
    """The waits of one worker, in seconds. `share`: a random number from 0 to 1."""

    def __init__(self, share: Callable[[], float]) -> None:
        self._share = share
        self._backoff = Backoff(LONGEST_SECS, share, first_secs=FIRST_SECS)

    def first(self) -> float:
        """The wait before the very first try."""
        return FIRST_SECS * self._share()

    def after(self, lived_secs: float, retry_after: float = 0.0) -> float:
        """The wait after a link that lived so long; 0 for one that could not be made. `retry_after`: what the
        coordinator asked for at least.
        """
        if lived_secs >= PROVEN_SECS:
            self._backoff.succeeded()
        wait = self._backoff.failed()
        # Those that were told the same time do not come at the same moment.
        return max(wait, retry_after + _STEP_SECS * self._share()) if retry_after > 0 else wait
