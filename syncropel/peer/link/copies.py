"""Notices a home that was copied: two processes take the link from each other."""

from __future__ import annotations

from typing import Final

CHANGES: Final = 3
WITHIN_SECS: Final = 60.0


class Copies:
    """Whether one credential is presented by more than one process.

    A process that ends closes its link. So a link that another process takes over while it lives is a sign of
    a second home; after three within a minute neither gets it, until an operator has looked.
    """

    def __init__(self) -> None:
        self._changes: list[float] = []
        self.refused_of = ""
        """The SHA-256 of the credential that is refused; empty while none is."""

    def taken_over(self, sha256: str, now: float) -> bool:
        """Another process took the link over; return whether it is refused from now on. `now`: monotonic
        seconds.
        """
        self._changes = [at for at in self._changes if now - at <= WITHIN_SECS] + [now]
        if len(self._changes) >= CHANGES:
            self.refused_of = sha256
        return self.refused_of == sha256

    def suspected(self, now: float) -> bool:
        """Whether that happened within the last minute."""
        return any(now - at <= WITHIN_SECS for at in self._changes)

    def refuses(self, sha256: str) -> bool:
        """Whether this credential is refused; a new one is not."""
        return bool(self.refused_of) and self.refused_of == sha256

    def forget(self) -> None:
        """An operator has looked."""
        self._changes, self.refused_of = [], ""
