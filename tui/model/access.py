"""Whether a fleet may be changed from here: how it was opened, and whether it was unlocked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tui.model.glyphs import Tone
from tui.model.text import duration

if TYPE_CHECKING:
    from syncropel.wire import WhoAmI

UNLOCKED_SECS: Final = 900.0
_WRITES: Final = frozenset({"admin", "fleet:write", "threads:write", "records:write", "config:write"})


@dataclass(frozen=True)
class Access:
    """`why` is the reason it was opened read-only, empty if it was not; `until` is when an unlock expires, by
    our clock. `lacking` is the reason the daemon would refuse every change, whatever the console allows.
    `firm` is the reason no key unlocks it, empty if one does. `scopes` are those of the caller `name`, None
    until the daemon has told.
    """

    why: str = ""
    until: float | None = None
    lacking: str = ""
    firm: str = ""
    name: str = ""
    scopes: frozenset[str] | None = None

    def closed(self, now: float) -> str:
        """Why nothing can be changed now; empty when changes are allowed."""
        if self.lacking:
            return self.lacking
        return "" if not self.firm and self.until is not None and now < self.until else self.why

    def without(self, scope: str) -> str:
        """Why the daemon would refuse a request that needs this scope; empty when it would not, or is not
        known.
        """
        if not scope or self.scopes is None or {scope, "admin"} & self.scopes:
            return ""
        return f"the token of {self.name} lacks {scope}"

    def barred(self) -> str:
        """Why it cannot be unlocked; empty when it can."""
        if self.lacking:
            return f"{self.lacking}: no key changes that"
        return self.firm if self.why else ""

    def unlocked(self, now: float) -> Access:
        return replace(self, until=now + UNLOCKED_SECS)

    def locked(self, why: str = "locked by hand") -> Access:
        return replace(self, until=None, why=self.why or why)

    def told(self, who: WhoAmI) -> Access:
        """Include what the daemon says about the caller: a token without any write scope can
        change nothing."""
        scopes = frozenset(who.scopes)
        lacking = "" if _WRITES & scopes else f"the token of {who.name} may only read"
        return replace(self, lacking=lacking, name=who.name, scopes=scopes)

    def label(self, now: float) -> tuple[str, Tone]:
        """What the header shows; empty when changes are simply allowed."""
        if self.closed(now):
            return "READ-ONLY", "warn"
        if self.why and self.until is not None:
            return f"UNLOCKED {duration(self.until - now)}", "bad"
        return "", "plain"
