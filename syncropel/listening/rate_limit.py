"""A rate limit."""

from __future__ import annotations


class RateLimiter:
    """Allows bursts of `burst`, and a sustained rate of `per_sec` per second."""

    def __init__(self, per_sec: float, burst: int) -> None:
        self._per_sec = per_sec
        self._burst = float(burst)
        self._left = float(burst)
        self._at: float | None = None

    def take(self, now: float) -> bool:
        """Whether it may happen now, in seconds of a monotonic clock."""
        since = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._left = min(self._burst, self._left + since * self._per_sec)
        if self._left < 1:
            return False
        self._left -= 1
        return True
