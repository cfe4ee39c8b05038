"""How a daemon reports its version, and whether that is newer than one's own."""

from __future__ import annotations

import re
from typing import Final

PROTOCOL: Final = 1
"""The version of what instances of a fleet say to each other. A coordinator also speaks the one before."""
OLDEST_PROTOCOL: Final = max(1, PROTOCOL - 1)
"""The oldest that is understood."""
HEADER: Final = "syncropel-version"
"""The header with the daemon's version, in every answer."""


def is_newer(theirs: str, ours: str) -> bool:
    """Whether the first version is later than the second. Parts that are not numbers count as nothing."""
    return bool(ours) and _numbers(theirs) > _numbers(ours)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", version)
    numbers = [int(one) for one in release[1].split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
