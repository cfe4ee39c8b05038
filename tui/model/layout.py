"""How the sections of a screen share its height, and from which width on they are side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NARROW: Final = 90
"""On a narrower terminal, dialogs span the full width: otherwise breadcrumbs stick out beside them."""
SIDE_BY_SIDE: Final = 180
"""From this width on, details of the selected row are beside the rows, which keep the larger part."""

LEAST_BELOW: Final = 12
"""If the rows leave this many lines free, details of the selected row are below them."""


def share(total: int, wants: Sequence[int], least: int = 3) -> list[int]:
    """Heights that sum to at most `total`: everyone's minimum first, then line by line to whoever wants more.

    >>> share(20, [5, 30, 4])
    [5, 11, 4]
    """
    given = [min(want, least) for want in wants]
    while sum(given) > total and max(given) > 1:
        given[given.index(max(given))] -= 1
    spare = total - sum(given)
    while spare > 0:
        hungry = [index for index, want in enumerate(wants) if given[index] < want]
        if not hungry:
            break
        for index in sorted(hungry, key=lambda one: given[one]):
            if spare > 0:
                given[index] += 1
                spare -= 1
    return given
