"""Which providers are paused, as this instance knows it: by the coordinator's word, and by its own ears.

A worker hears of pauses in the answer to each heartbeat, and tells with its own what a provider told it.
Until the coordinator has answered that, it pauses by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from syncropel.adapters.gateway.desk import Paused
from syncropel.adapters.gateway.quota import Spent
from syncropel.folds.fanout.state import number
from syncropel.peer.runtime import Runtime
from syncropel.wire.fleet import QuotaSpent

DEFAULT_SECS: Final = 900.0
"""How long a provider is paused that does not say when its quota is filled again."""
MOST_UNPROVEN_SECS: Final = 3600.0
"""The most where only an agent says so: its words are not those of the provider."""
MOST_TOLD: Final = 32


@dataclass(frozen=True)
class Observation:
    """A provider said that its quota is spent. `seen`: on the wall clock; `until`: on the boot clock."""

    provider: str
    seen: float
    until: float


class Quotas:
    """Pauses by provider, on this machine's boot clock. `tell`: there is something for the next heartbeat."""

    def __init__(self, runtime: Runtime, tell: Callable[[], None]) -> None:
        self._runtime = runtime
        self._tell = tell
        self._told: dict[str, tuple[float, str, str]] = {}
        self._own: dict[str, Observation] = {}
        self._sent: list[Observation] = []

    def hear(self, provider: str, spent: Spent, *, proven: bool) -> None:
        """Take an observation of this instance; `proven`: the provider's own answer passed here."""
        secs = spent.left(self._runtime.now(), DEFAULT_SECS)
        secs = secs if proven else min(secs, MOST_UNPROVEN_SECS)
        now = self._runtime.boottime()
        known = self._own.get(provider)
        if known is not None and known.until > now:
            return  # it is paused here: what still comes was asked before
        if secs <= 0:
            return
        if known is not None or len(self._own) < MOST_TOLD:
            self._own[provider] = Observation(provider, self._runtime.now(), now + secs)
            self._tell()

    def paused(self, provider: str, *, observed_by: str = "") -> Paused | None:
        """Whether starts on this provider are paused here. `observed_by`: only if this instance (a DID) said
        so."""
        now = self._runtime.boottime()
        until, told, observer = self._told.get(provider, (0.0, "", ""))
        if observed_by and observer != observed_by:
            until = 0.0
        own = self._own.get(provider)
        if own is not None and own.until > until:
            until, told = own.until, f"provider {provider} is paused: quota is spent"
        return Paused(until - now, told) if until > now else None

    def observations(self) -> list[QuotaSpent]:
        """What the next heartbeat tells."""
        now = self._runtime.boottime()
        self._own = {name: one for name, one in self._own.items() if one.until > now}
        self._sent = list(self._own.values())
        return [QuotaSpent(provider=one.provider, secs=one.until - now, seen=one.seen) for one in self._sent]

    def answered(self, pauses: Iterable[Any] | None) -> None:
        """Take the coordinator's answer to the last heartbeat; None from one that knows no pauses."""
        if pauses is None:
            return
        now = self._runtime.boottime()
        self._told = {
            str(one.get("provider")): (
                now + number(one.get("secs")),
                str(one.get("told", "")),
                str(one.get("observed_by", "")),
            )
            for one in pauses
            if isinstance(one, dict)
        }
        for one in self._sent:
            if self._own.get(one.provider) is one:
                del self._own[one.provider]
        self._sent = []
