"""What time it is for the daemon, told from here: ages must not depend on two machines' clocks agreeing."""

from __future__ import annotations

from typing import NamedTuple


class DaemonClock(NamedTuple):
    """The daemon's clock (`at`, unix seconds) when the local monotonic clock showed `received_at`."""

    at: float = 0.0
    received_at: float = 0.0

    def now(self, local: float) -> float:
        """The daemon's time at a local instant, supposing both clocks run equally fast."""
        return self.at + max(0.0, local - self.received_at)
