"""Invites to join the fleet, and which instance used which.

Folded from `join_invite`, `join_used`, and `join_withdrawn` on the config thread. A log only ever contains
the SHA-256 of an invite's secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import word_key
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord, is_record_id
from syncropel.record.threads import ENGINE_CONFIG

INVITE: Final = "join_invite"
USED: Final = "join_used"
WITHDRAWN: Final = "join_withdrawn"


@dataclass(frozen=True, slots=True)
class Invite:
    """An invite for one instance, under one alias, until `expires_at` (unix seconds)."""

    id: str
    alias: str
    sha256: str
    at: float
    expires_at: float
    actor: str


@dataclass(frozen=True, slots=True)
class Use:
    """The first use of an invite: by which instance, with which credential of its own."""

    invite: str
    did: str
    alias: str
    sha256: str
    at: float


@dataclass(slots=True)
class Joins:
    """Invites and uses, by the invite's id. Applying records in any order gives the same state."""

    invites: dict[str, Invite] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    _keys: dict[tuple[str, str], Key] = field(default_factory=dict)
    _last: dict[str, tuple[Key, Use]] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record of the config thread."""
        record, body = stored.record, stored.record.body
        invite = body.get("invite")
        if record.thread != ENGINE_CONFIG or record.act != "LEARN" or not isinstance(invite, str):
            return
        alias, sha256, at = body.get("alias"), body.get("sha256"), number(body.get("at"))
        if record.topic == WITHDRAWN:
            self.withdrawn.add(invite)
            return
        if record.topic not in (INVITE, USED) or not isinstance(alias, str) or not is_record_id(sha256):
            return
        key, place = word_key(record), (record.topic, invite)
        if (known := self._keys.get(place)) is not None and known <= key:
            return  # the first one counts
        if record.topic == INVITE:
            until = number(body.get("expires_at"))
            self.invites[invite] = Invite(invite, alias, str(sha256), at, until, record.actor)
        elif isinstance(did := body.get("did"), str):
            use = self.uses[invite] = Use(invite, did, alias, str(sha256), at)
            if (last := self._last.get(did)) is None or last[0] < key:
                self._last[did] = key, use
        else:
            return
        self._keys[place] = key

    def latest(self, did: str) -> Use | None:
        """How this instance joined, the last time."""
        found = self._last.get(did)
        return found[1] if found is not None else None

    def by_alias(self, alias: str) -> Use | None:
        """The instance that joined under this alias; of several, the last."""
        named = [found for found in self._last.values() if found[1].alias == alias]
        return max(named, key=lambda found: found[0])[1] if named else None

    def is_open(self, invite: Invite, now: float) -> bool:
        """Whether somebody could join with it now."""
        return invite.id not in self.uses and invite.id not in self.withdrawn and now < invite.expires_at
