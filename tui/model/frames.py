"""The frames of one replayed thread that were read, by position, in windows; the least used are let go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from syncropel.api.schema.replay import ReplayFrame

WINDOW: Final = 100
"""Frames that are read at once."""
KEPT: Final = 30
"""Windows that are kept."""


class Frames:
    """Positions are from 1 to `total`. `version` grows whenever something else can be shown."""

    def __init__(self) -> None:
        self.total = 0
        self.version = 0
        self._windows: OrderedDict[int, dict[int, ReplayFrame]] = OrderedDict()

    def at(self, position: int) -> ReplayFrame | None:
        """The frame at a position; None when it was not read, or is not there."""
        return self._windows.get((position - 1) // WINDOW, {}).get(position)

    def take(self, frames: Sequence[ReplayFrame]) -> None:
        """These were read."""
        for frame in frames:
            window = (frame.position - 1) // WINDOW
            self._windows.setdefault(window, {})[frame.position] = frame
            self._windows.move_to_end(window)
        while len(self._windows) > KEPT:
            self._windows.popitem(last=False)
        self.version += bool(frames)

    def missing(self, position: int, way: int = 0) -> int | None:
        """The position after which to read, to have what is around `position` and then what lies `way` of it
        (-1 or 1); None when it is all there."""
        here = (position - 1) // WINDOW
        for window in dict.fromkeys((here, *self._beside(position), here + way)):
            first = window * WINDOW + 1
            wanted = min(WINDOW, self.total - window * WINDOW)
            if window >= 0 and wanted > len(self._windows.get(window, {})):
                held = self._windows.get(window, {})
                return next(one for one in range(first, first + wanted) if one not in held) - 1
        return None

    def _beside(self, position: int) -> list[int]:
        """The window that begins or ends within a screen of rows from here."""
        near = WINDOW // 2
        return [(position - 1 - near) // WINDOW, (position - 1 + near) // WINDOW]

    def grow(self, total: int) -> None:
        """So many records there are now; what was read stays true."""
        if total != self.total:
            self.total = total
            self.version += 1

    def forget(self) -> None:
        """What was read may stand elsewhere now."""
        self._windows.clear()
        self.version += 1
