"""The pause fold: providers whose quota is spent, from `provider_pause` records on the fleet control thread.

While a provider is paused, no instance starts a goal of an adapter that uses it. A pause ends by itself. It
is not a freeze: it refuses no write, ends nothing, and is not part of what instances confirm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL

PAUSE: Final = "provider_pause"
_LATEST: Final = 253402300799.0
"""The last second that a date can represent."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause in force until `until` (unix seconds). `observed_by`: the DID of the instance that the provider
    told; empty when somebody set it by hand.
    """

    provider: str
    until: float
    reason: str
    observed_by: str
    at: float
    actor: str
    record: str

    def left(self, now: float) -> float:
        """The remaining seconds; 0 once it is over."""
        return max(0.0, self.until - now)

    def told(self, now: float) -> str:
        """`provider anthropic is paused until 12:30 UTC: quota is spent`, with the date unless it
        is today."""
        at = datetime.fromtimestamp(min(self.until, _LATEST), UTC)
        today = at.date() == datetime.fromtimestamp(now, UTC).date()
        clock = at.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
        return f"provider {self.provider} is paused until {clock} UTC: {self.reason}"


@dataclass(slots=True)
class Pauses:
    """Pauses by provider. Applying records in any order gives the same state.

    `heard`: the latest observation accepted from each instance (by its own clock), so that a repeated one
    does not pause a provider that somebody has resumed.
    """

    pauses: dict[str, Pause] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)
    heard: dict[tuple[str, str], float] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one control record."""
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        provider, state = body.get("provider"), body.get("state")
        if record.topic != PAUSE or not isinstance(provider, str) or state not in ("start", "stop"):
            return
        observer = str(body.get("observed_by") or "")
        if observer:
            slot = (provider, observer)
            self.heard[slot] = max(self.heard.get(slot, 0.0), number(body.get("seen")))
        key = word_key(record)
        if self.latest.get(provider, NEVER) >= key:
            return
        self.latest[provider] = key
        if state == "stop":
            self.pauses.pop(provider, None)
            return
        until, at, reason = number(body.get("until")), number(body.get("at")), str(body.get("reason", ""))
        self.pauses[provider] = Pause(provider, until, reason, observer, at, record.actor, record.id)

    def of(self, provider: str, now: float) -> Pause | None:
        """The pause in force; None when there is none, or its time is over."""
        found = self.pauses.get(provider)
        return found if found is not None and found.left(now) > 0 else None

    def active(self, now: float) -> list[Pause]:
        """All in force, by provider."""
        return [one for _, one in sorted(self.pauses.items()) if one.left(now) > 0]
