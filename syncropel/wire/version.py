"""How a daemon tells its version, and whether that is newer than one's own."""

from __future__ import annotations

import re
from typing import Final

HEADER: Final = "syncropel-version"
"""The header of every answer that has the daemon's version."""


def is_newer(theirs: str, ours: str) -> bool:
    """Whether the one version comes after the other. What is no number counts as nothing."""
    return bool(ours) and _numbers(theirs) > _numbers(ours)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", version)
    numbers = [int(one) for one in release[1].split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)
