"""Waits until the fleet has converged, as long as one of those that were started still reads its log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from syncropel.errors import SetupError
from syncropel.launcher import convergence
from syncropel.launcher.convergence import Expected
from syncropel.launcher.starting import StartUps
from syncropel.wire import FleetStatus

LIMIT_SECS: Final = 30.0
_POLL_SECS: Final = 0.1


@dataclass(frozen=True)
class Converging:
    """`check` raises SetupError when one of them has ended. `progress` receives a line that replaces the
    previous one, `reading` how far a daemon is that reads its log.
    """

    check: Callable[[], None]
    progress: Callable[[str], None]
    reading: Callable[[str], None]

    def wait(
        self, ask: Callable[[], FleetStatus], expected: Sequence[Expected], start_ups: StartUps
    ) -> FleetStatus:
        """The status in which all expected are live. Raises SetupError that names those that are not."""
        deadline = time.monotonic() + LIMIT_SECS
        while True:
            self.check()
            status = ask()
            waiting = convergence.missing(status, expected)
            if not waiting:
                return status
            if start_ups.go_on():
                deadline = time.monotonic() + LIMIT_SECS
            if time.monotonic() > deadline:
                raise self._not_converged(waiting)
            if start_ups.words:
                self.reading(start_ups.words)
            # One line is on a terminal, and how far the slowest has read says more.
            self.progress(start_ups.words or convergence.progress_line(status, expected))
            time.sleep(_POLL_SECS)

    def _not_converged(self, waiting: Sequence[Expected]) -> SetupError:
        self.progress("")
        names = ", ".join(one.alias for one in waiting)
        logs = "\n".join(f"{one.alias} logs to {one.home.log}" for one in waiting)
        return SetupError(
            f"the fleet has not converged within {LIMIT_SECS:g}s: {names} did not become live", logs
        )
