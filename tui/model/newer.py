"""Warns about a daemon that is newer than this console: it may report things unknown here."""

from __future__ import annotations

from syncropel.wire.version import is_newer
from tui.model.text import plain


class Newer:
    """Reports each daemon and version newer than `ours` once."""

    def __init__(self, ours: str) -> None:
        self._ours = ours
        self._told: set[tuple[str, str]] = set()

    def news(self, key: str, theirs: str) -> str:
        """What an operator should know about the daemon `key`; empty when there is nothing new."""
        if (key, theirs) in self._told or not is_newer(theirs, self._ours):
            return ""
        self._told.add((key, theirs))
        return (
            f"the daemon is newer (v{plain(theirs)}, this console v{self._ours}): "
            "what is unknown here is marked with ?"
        )
