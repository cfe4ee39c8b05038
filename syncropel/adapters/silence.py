"""Detects a silent program: one whose files have stopped growing."""

from __future__ import annotations

from pathlib import Path

from syncropel.peer.runtime import Runtime


class Silence:
    """How long files have not grown; `broken` once that exceeds the limit (seconds; 0: never)."""

    def __init__(self, files: list[Path | None], limit_secs: float, runtime: Runtime) -> None:
        self._files = [file for file in files if file is not None]
        self._limit = limit_secs
        self._runtime = runtime
        self._size = -1
        self._since = runtime.monotonic()
        self.broken = False

    def restart(self) -> None:
        """Count from now on: it is quiet for a reason."""
        self._since, self.broken = self._runtime.monotonic(), False

    def lasts(self) -> bool:
        """Check now."""
        if self._limit > 0:
            size, now = sum(map(_size, self._files)), self._runtime.monotonic()
            if size != self._size:
                self._size, self._since = size, now
            self.broken = now - self._since >= self._limit
        return self.broken


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
