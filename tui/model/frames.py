"""The frames of one replayed thread that have been read, in windows; the least recently used are dropped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire.replay import Fact, ReplayFrame

WINDOW: Final = 100
"""Frames per read."""
KEPT: Final = 12
"""Windows kept: rereading one takes milliseconds, keeping it lengthens garbage collections."""


class Frames:
    """Positions run from 1 to `total`. `version` grows whenever there is something new to show."""

    def __init__(self) -> None:
        self.total = 0
        self.version = 0
        self._windows: OrderedDict[int, dict[int, ReplayFrame]] = OrderedDict()

    def at(self, position: int) -> ReplayFrame | None:
        """The frame at a position; None if it has not been read, or does not exist."""
        return self._windows.get((position - 1) // WINDOW, {}).get(position)

    def take(self, frames: Sequence[ReplayFrame]) -> None:
        """Add frames that were read."""
        for frame in lean(frames):
            window = (frame.position - 1) // WINDOW
            self._windows.setdefault(window, {})[frame.position] = frame
            self._windows.move_to_end(window)
        while len(self._windows) > KEPT:
            self._windows.popitem(last=False)
        self.version += bool(frames)

    def missing(self, position: int, way: int = 0) -> int | None:
        """The position after which to read next, to have the frames around `position` and then those in
        direction `way` (-1 or 1); None when all are there.
        """
        here = (position - 1) // WINDOW
        for window in dict.fromkeys((here, *self._beside(position), here + way)):
            first = window * WINDOW + 1
            wanted = min(WINDOW, self.total - window * WINDOW)
            if window >= 0 and wanted > len(self._windows.get(window, {})):
                held = self._windows.get(window, {})
                return next(one for one in range(first, first + wanted) if one not in held) - 1
        return None

    def _beside(self, position: int) -> list[int]:
        """The adjacent window, if it begins or ends within a screen of rows from here."""
        near = WINDOW // 2
        return [(position - 1 - near) // WINDOW, (position - 1 + near) // WINDOW]

    def grow(self, total: int) -> None:
        """Set the new number of records; frames already read stay valid."""
        if total != self.total:
            self.total = total
            self.version += 1

    def forget(self) -> None:
        """Drop everything: frames may have moved."""
        self._windows.clear()
        self.version += 1


def lean(frames: Sequence[ReplayFrame]) -> Iterator[ReplayFrame]:
    """The same frames, with equal facts shared between them.

    Each record leaves most of the state unchanged: a hundred frames hold 2,000 facts, of which 100 differ,
    and each object lengthens garbage collections.
    """
    known: dict[tuple[str, type, object], Fact] = {}

    def shared(facts: Sequence[Fact]) -> list[Fact]:
        # The type is part of the key: 1, 1.0, and True are equal, and are shown differently.
        return [known.setdefault((one.name, type(one.value), one.value), one) for one in facts]

    for frame in frames:
        yield frame.model_copy(update={"before": shared(frame.before), "after": shared(frame.after)})
