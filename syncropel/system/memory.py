"""How much memory this process holds, and by how much that grew while it served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class MemoryUse:
    """Resident memory in bytes, now and when this process began to serve."""

    resident_bytes: int
    at_start_bytes: int

    @property
    def growth_bytes(self) -> int:
        """Negative when it holds less than at the start."""
        return self.resident_bytes - self.at_start_bytes


class MemoryGauge:
    """Remembers the first reading. `read`: gives resident bytes, of this process unless told otherwise."""

    def __init__(self, read: Callable[[], int] | None = None) -> None:
        process = psutil.Process()
        self._read = read or (lambda: int(process.memory_info().rss))
        self._first: int | None = None

    def look(self) -> MemoryUse:
        """Read it now; the first call says what the start was."""
        now = self._read()
        if self._first is None:
            self._first = now
        return MemoryUse(now, self._first)
