"""A daemon that is newer than this console: what it says may be more than is known here."""

from __future__ import annotations

import re

from tui.model.text import plain


def is_newer(theirs: str, ours: str) -> bool:
    """Whether the one version comes after the other. What is no number counts as nothing."""
    return bool(ours) and _numbers(theirs) > _numbers(ours)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"v?(\d{1,9}(?:\.\d{1,9})*)", version)
    numbers = [int(one) for one in release[1].split(".")] if release else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


class Newer:
    """Tells once of each daemon and version that is newer than `ours`."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._told: set[tuple[str, str]] = set()

    def news(self, key: str, theirs: str) -> str:
        """What an operator should know of the daemon `key`; empty when there is nothing new to say."""
        if (key, theirs) in self._told or not is_newer(theirs, self._ours):
            return ""
        self._told.add((key, theirs))
        return (
            f"the daemon is newer (v{plain(theirs)}, this console v{self._ours}): "
            "what is not known here has a ? before it"
        )
