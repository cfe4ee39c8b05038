"""The state of the connection, as a frozen value, and its wording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal

from tui.model.glyphs import Glyphs, Tone
from tui.model.text import duration

Trouble = Literal["", "absent", "denied", "starting"]
"""The kind of trouble: nobody answers, access is denied, or the daemon still reads its log."""


class Phase(Enum):
    """The four states of a connection."""

    LIVE = "LIVE"
    STALE = "STALE"
    RETRYING = "RETRYING"
    DOWN = "DOWN"


@dataclass(frozen=True)
class Link:
    """A connection's state. Times are of the console's own clock; `retry_at` is None while a try is under
    way.
    """

    phase: Phase = Phase.RETRYING
    attempt: int = 1
    retry_at: float | None = None
    heard_at: float | None = None
    limit: float = 12.5
    message: str = ""
    hint: str = ""
    kind: Trouble = ""

    def live(self, now: float, limit: float) -> Link:
        return Link(Phase.LIVE, heard_at=now, limit=limit)

    def trying(self, attempt: int) -> Link:
        phase = Phase.DOWN if self.phase is Phase.DOWN else Phase.RETRYING
        return replace(self, phase=phase, attempt=attempt, retry_at=None)

    def lost(
        self, phase: Phase, attempt: int, again: float, message: str, hint: str, kind: Trouble = ""
    ) -> Link:
        return replace(
            self, phase=phase, attempt=attempt, retry_at=again, message=message, hint=hint, kind=kind
        )

    def at(self, now: float) -> Link:
        """The state at this instant: a live stream that has been silent for too long is stale."""
        if self.phase is Phase.LIVE and self.age(now) > self.limit:
            return replace(
                self,
                phase=Phase.STALE,
                message="connected, but the daemon says nothing",
                hint="is it stopped or overloaded? see: spl status",
            )
        return self

    def age(self, now: float) -> float:
        """The age of the newest data; 0 when there is none yet."""
        return 0.0 if self.heard_at is None else max(0.0, now - self.heard_at)

    @property
    def is_live(self) -> bool:
        return self.phase is Phase.LIVE

    @property
    def can_freeze(self) -> bool:
        """Whether the daemon takes a freeze now: it does so before it has read its log."""
        return self.is_live or self.kind == "starting"


def word(link: Link, glyphs: Glyphs) -> str:
    """Sign and word of the state, without its numbers, which change every second. `link` is as of now."""
    if link.phase is not Phase.RETRYING:
        sign = {Phase.LIVE: "live", Phase.STALE: "stale", Phase.DOWN: "down"}[link.phase]
        return f"{glyphs.sign(sign)} {link.phase.value}"
    begins = not link.message and link.heard_at is None
    state = "CONNECTING" if begins else "STARTING" if link.kind == "starting" else link.phase.value
    return f"{glyphs.sign('retrying')} {state}"


def label(link: Link, now: float, glyphs: Glyphs) -> tuple[str, Tone]:
    """The state as the header shows it: sign, word, and the number that matters. `link` is as of `now`."""
    state = word(link, glyphs)
    if link.phase is Phase.LIVE:
        return state, "good"
    if link.phase is Phase.STALE:
        return f"{state} {duration(link.age(now))}", "warn"
    wait = "now" if link.retry_at is None else f"in {duration(_up(link.retry_at - now))}"
    old = "" if link.heard_at is None else f" {duration(link.age(now))}"
    if link.phase is Phase.DOWN:
        return f"{state}{old}, retry {wait}", "bad"
    if not link.message and link.heard_at is None:
        return state, "busy"
    retry = f"{state} {wait}" if link.kind == "starting" else f"{state} #{link.attempt} {wait}"
    if old:  # how long ago the screen was last known to be true
        return f"{glyphs.sign('stale')} STALE{old} {retry}", "warn"
    return retry, "warn"


def _up(secs: float) -> float:
    """Whole seconds, rounded up: "in 0s" would be wrong until it is over."""
    return float(int(max(0.0, secs)) + (1 if secs > int(secs) else 0))


def trouble(link: Link, now: float, glyphs: Glyphs, key: str) -> list[str]:
    """The banner while the connection is not live: what happened, what to do, how old the data is.

    `key` is the one that tries again at once.
    """
    if link.is_live or not link.message:
        return []
    age = f"data is {duration(link.age(now))} old" if link.heard_at is not None else "no data yet"
    first = f"{link.message} · {age}"
    return [first, f"{glyphs.arrow} {link.hint} · {key} tries now"] if link.hint else [first]
