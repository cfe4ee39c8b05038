"""What may go wrong in a simulated fleet, and what its engines say of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass


@dataclass
class Faults:
    """Probabilities, and how long things take at most, in seconds."""

    crash_before: float = 0.0
    crash_after: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    answer_lost: float = 0.0
    delay: float = 0.0
    commit: float = 0.0
    down: float = 8.0
    kill_every: float = 0.0
    """Mean seconds between two kills at no special moment; 0 for none."""


class Complaints(logging.Handler):
    """Collects what the engine itself calls an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, entry: logging.LogRecord) -> None:
        self.said.append(entry.getMessage() + (f": {entry.exc_info[1]!r}" if entry.exc_info else ""))
