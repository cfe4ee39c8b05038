"""How many links a coordinator takes on in a second: after its restart all workers come at once."""

from __future__ import annotations

from typing import Final

HANDSHAKES_PER_SEC: Final = 50.0
_LONGEST_SECS: Final = 30.0


class Admission:
    """Admits so many handshakes a second, and tells the others when to come back.

    Those sent away within a second are told later and later times, so that they come as fast as they can be
    admitted.
    """

    def __init__(self, per_sec: float = HANDSHAKES_PER_SEC) -> None:
        self._per_sec = per_sec
        self._left = per_sec
        self._queue = 0.0
        self._at: float | None = None

    def wait_secs(self, now: float) -> float:
        """0 when this one is admitted, otherwise after how many seconds to try again. `now`: monotonic
        seconds.
        """
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._left = min(self._per_sec, self._left + passed * self._per_sec)
        self._queue = max(0.0, self._queue - passed * self._per_sec)
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        self._queue += 1.0
        return min(_LONGEST_SECS, 1.0 + self._queue / self._per_sec)
