"""Where a replayed thread changes its status, stored compactly.

A thread of 10,000 records can have thousands of such positions. As wire models, each would be two more
objects for every full garbage collection; in two plain tuples, none is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire.replay import StatusChange


class Turns:
    """The positions at which the status changes, ascending, and what it changes to."""

    def __init__(self, changes: Iterable[StatusChange] = ()) -> None:
        told = sorted((one.position, one.status_after) for one in changes)
        known: dict[str, str] = {}
        self._positions = tuple(position for position, _ in told)
        self._statuses = tuple(known.setdefault(status, status) for _, status in told)
        self._marked: tuple[tuple[int, int], Mapping[int, str]] = ((0, 0), {})

    def next(self, position: int, way: int) -> int | None:
        """The nearest position at which the status changes: after this one, or before it when `way` is -1."""
        place = (
            bisect_right(self._positions, position) if way > 0 else bisect_left(self._positions, position) - 1
        )
        return self._positions[place] if 0 <= place < len(self._positions) else None

    def marks(self, total: int, width: int) -> Mapping[int, str]:
        """The cells that contain a change, in a bar of `width` cells over `total` records, with the last
        status of each. Computed once per bar.
        """
        if self._marked[0] != (total, width):
            places = zip(self._positions, self._statuses, strict=True)
            marks = {cell(at, total, width): status for at, status in places if 1 <= at <= total}
            self._marked = ((total, width), marks)
        return self._marked[1]


def cell(position: int, total: int, width: int) -> int:
    """The cell that holds record `position` of `total`, in a bar of `width` cells."""
    return 0 if total == 1 else round((position - 1) * (width - 1) / (total - 1))
