"""What each heartbeat tells of this process: its memory, and a loop that is backed up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from syncropel.peer.runtime import Runtime
from syncropel.system.memory import MemoryGauge, MemoryUse

FRESH_SECS: Final = 5.0
"""A busy fleet is looked at many times a second, and this changes slowly."""


@dataclass(frozen=True)
class Vitals:
    """`backed_up`: the loop and the thread, in words; empty when none is."""

    memory: MemoryUse
    backed_up: str


class VitalsReader:
    """Reads them when the last reading is no longer fresh. `backlog` tells of a loop that is backed up."""

    def __init__(self, runtime: Runtime, backlog: Callable[[], str]) -> None:
        self._runtime = runtime
        self._backlog = backlog
        self.memory = MemoryGauge()
        self._last: Vitals | None = None
        self._read_at = 0.0

    def read(self) -> Vitals:
        """The vitals, at most five seconds old."""
        now = self._runtime.monotonic()
        if self._last is None or now - self._read_at >= FRESH_SECS:
            self._last = Vitals(self.memory.look(), self._backlog())
            self._read_at = now
        return self._last
