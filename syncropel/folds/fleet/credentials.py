"""Credentials of instances: which secret identifies an instance, and which instances are revoked.

Folded from `instance_credential` and `instance_credential_revoked` on the fleet control thread, so that every
instance knows them, including a promoted worker. The newest record about an instance counts. A log only ever
contains the SHA-256 of a secret.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.base.provenance import original_author
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord, is_record_id
from syncropel.record.threads import FLEET_CONTROL

CREDENTIAL: Final = "instance_credential"
REVOKED: Final = "instance_credential_revoked"


@dataclass(frozen=True, slots=True)
class Credential:
    """The newest record about an instance. `sha256` is empty for a revoked instance that never had a secret,
    `succession` (a hash, too) for one that may not take its coordinator's place. `before`: the hash of the
    secret that is good, too, until the new one was used once. `renew`: the instance was told to renew it now.
    """

    did: str
    sha256: str
    revoked: bool
    reason: str
    at: float
    actor: str
    record: str
    succession: str = ""
    before: str = ""
    renew: bool = False


@dataclass(slots=True)
class Credentials:
    """Credentials by DID, and the valid ones by hash. Applying records in any order gives the same state."""

    known: dict[str, Credential] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)
    _by_hash: dict[str, str] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one control record."""
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        did, sha256 = body.get("did"), body.get("sha256", "")
        revoked = record.topic == REVOKED
        named = is_record_id(sha256) or (revoked and sha256 == "")
        if record.topic not in (CREDENTIAL, REVOKED) or not isinstance(did, str) or not named:
            return
        key = word_key(record)
        if self.latest.get(did, NEVER) >= key:
            return
        self.latest[did] = key
        if (former := self.known.pop(did, None)) is not None:
            for one in (former.sha256, former.before):
                if self._by_hash.get(one) == did:
                    del self._by_hash[one]
        if body.get("withdrawn") is True:
            return
        actor, first = original_author(record)
        reason, at = str(body.get("reason", "")), number(body.get("at"))
        succession, before = body.get("succession"), body.get("before")
        succeeds = str(succession) if is_record_id(succession) and not revoked else ""
        before = str(before) if is_record_id(before) and not revoked else ""
        renew = body.get("renew") is True
        self.known[did] = Credential(
            did, str(sha256), revoked, reason, at, actor, first, succeeds, before, renew
        )
        for one in (before, str(sha256)):
            if one:
                self._by_hash[one] = did

    def by_hash(self, sha256: str) -> Credential | None:
        """The instance whose secret has this hash, even if revoked; a replaced secret belongs to nobody."""
        return self.known.get(self._by_hash.get(sha256, ""))

    def is_valid(self, did: str) -> bool:
        """Whether this instance has a valid credential of its own."""
        known = self.known.get(did)
        return known is not None and not known.revoked and bool(known.sha256)

    def is_revoked(self, did: str) -> bool:
        """Whether this instance was revoked: it is refused whatever it presents."""
        known = self.known.get(did)
        return known is not None and known.revoked
