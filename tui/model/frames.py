"""The frames of one replayed thread that were read, by position, in windows; the least used are let go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire.replay import Fact, ReplayFrame

WINDOW: Final = 100
"""Frames that are read at once."""
KEPT: Final = 12
"""Windows that are kept: one is read again in milliseconds, and makes the collector's rounds longer."""


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
        for frame in lean(frames):
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


def lean(frames: Sequence[ReplayFrame]) -> Iterator[ReplayFrame]:
    """The same frames, a fact that stands in several of them held once.

    Each record leaves most of the state as it was: a hundred frames tell 2,000 facts of which 100 are
    different, and every one that is held makes the collector's rounds longer.
    """
    known: dict[tuple[str, type, object], Fact] = {}

    def shared(facts: Sequence[Fact]) -> list[Fact]:
        # The type is part of it: 1, 1.0 and True are equal, and are not shown alike.
        return [known.setdefault((one.name, type(one.value), one.value), one) for one in facts]

    for frame in frames:
        yield frame.model_copy(update={"before": shared(frame.before), "after": shared(frame.after)})
