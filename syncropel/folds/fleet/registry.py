"""The instance registry: the members of the fleet (records), and who was heard from lately (leases).

Live: the last heartbeat is within 3 intervals; stale: within 12; archived: older (PROTOCOL: Heartbeats).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import INSTANCE_REGISTRY

INSTANCE_STATE: Final = "instance_state"
INSTANCE_REFUSED: Final = "instance_refused"
"""Topic of the KNOW that heartbeats of an instance that is gone are refused, or, without `why`, no longer."""
LIVE_INTERVALS: Final = 3
STALE_INTERVALS: Final = 12

STATUS_OF_STATE: Final = {
    "joined": "live",
    "stale": "stale",
    "archived": "archived",
    "draining": "draining",
    "left": "left",
}
"""State in an `instance_state` record → status on a screen."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What the latest `instance_state` record says of one instance."""

    did: str
    alias: str
    role: str
    endpoint: str
    version: str
    state: str
    at: float
    key: Key


@dataclass(slots=True)
class Registry:
    """Every instance that ever joined, by DID. Applying records in any order gives the same state."""

    instances: dict[str, Instance] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Why heartbeats are refused, by DID, as far as the log says."""
    clock: int = -1
    _refused_keys: dict[str, Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        record = stored.record
        if record.thread != INSTANCE_REGISTRY or record.clock is None:
            return
        self.clock = max(self.clock, record.clock)
        body = record.body
        did, state = body.get("did"), body.get("state")
        if record.topic == INSTANCE_REFUSED and isinstance(did, str):
            self._take_refusal(did, str(body.get("why", "")), word_key(record))
        if record.topic != INSTANCE_STATE or not isinstance(did, str):
            return
        if not isinstance(state, str) or state not in STATUS_OF_STATE:
            return
        key = word_key(record)
        known = self.instances.get(did)
        if known is None or known.key < key:
            self.instances[did] = Instance(
                did,
                str(body.get("alias", "")),
                str(body.get("role", "worker")),
                str(body.get("endpoint", "")),
                str(body.get("version", "")),
                state,
                number(body.get("at")),
                key,
            )

    def _take_refusal(self, did: str, why: str, key: Key) -> None:
        if self._refused_keys.get(did, NEVER) >= key:
            return
        self._refused_keys[did] = key
        self.refused.pop(did, None)
        if why:
            self.refused[did] = why

    def by_alias(self, alias: str) -> Instance | None:
        """The instance with this alias; of several, the one that changed state last."""
        named = [instance for instance in self.instances.values() if instance.alias == alias]
        return max(named, key=lambda instance: (instance.state != "left", instance.key), default=None)


def lease_state(age_secs: float, interval_secs: float) -> str:
    """The state implied by this length of silence."""
    if age_secs <= LIVE_INTERVALS * interval_secs:
        return "joined"
    return "stale" if age_secs <= STALE_INTERVALS * interval_secs else "archived"
