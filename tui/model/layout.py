"""How stacked sections share the rows of a screen."""

from __future__ import annotations

from collections.abc import Sequence


def share(room: int, wants: Sequence[int]) -> list[int]:
    """Rows for each section: what it wants, or, where there is too little, equal parts of what is left.

    A small section is never cut for a big one's sake.
    """
    given = [0] * len(wants)
    open_ = sorted(range(len(wants)), key=lambda place: wants[place])
    left = max(0, room)
    while open_:
        fair = left // len(open_)
        place = open_.pop(0)
        given[place] = min(wants[place], fair)
        left -= given[place]
    return given
