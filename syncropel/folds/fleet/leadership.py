"""Who leads the fleet, and in which term: folded from `leading` records on the instance registry.

The coordinator with which a fleet began leads in term 1, without a record. Each promotion begins a higher
term. When two instances were promoted in the same term, the one with the lower DID leads: every log that has
both records says the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import INSTANCE_DID_PREFIX, INSTANCE_REGISTRY

LEADING: Final = "leading"
LEADING_TOLD: Final = "leading_told"
FIRST_TERM: Final = 1
HIGHEST_TERM: Final = 1_000_000_000
"""A higher one is invalid: whoever claimed the highest number there is would lead for ever."""
ACKNOWLEDGED: Final = "acknowledged"
GONE: Final = "gone"

Rank = tuple[int, str]
"""A term, and the DID of the instance that leads in it."""


def leads_over(one: Rank, other: Rank) -> bool:
    """Whether the first comes before the second: by the higher term, then by the lower DID."""
    return one[0] > other[0] or (one[0] == other[0] and one[1] < other[1])


@dataclass(frozen=True, slots=True)
class Former:
    """The coordinator in whose place an instance leads. `url`: where it was; empty when that is not known."""

    did: str
    url: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a `leading` record says. `since`: unix seconds by the clock of the instance that leads.

    `proof`: the secret that its coordinator gave it for this, which shows that its operator promoted it.
    """

    did: str
    term: int
    alias: str
    address: str
    since: float
    proof: str = ""
    former: Former | None = None

    @property
    def rank(self) -> Rank:
        return self.term, self.did

    def fields(self) -> dict[str, Any]:
        """It, as a record's body and messages between instances have it."""
        told = {"did": self.did, "term": self.term, "alias": self.alias, "address": self.address}
        return {**told, "since": self.since, **({"proof": self.proof} if self.proof else {})}


def read_claim(body: Mapping[str, Any]) -> Claim | None:
    """The claim in a record's body or a message; None when it is none."""
    did, term, former = body.get("did"), body.get("term"), body.get("former")
    if not isinstance(did, str) or not did.startswith(INSTANCE_DID_PREFIX):
        return None
    if type(term) is not int or not FIRST_TERM < term <= HIGHEST_TERM:
        return None
    named = isinstance(former, Mapping) and Former(str(former.get("did", "")), str(former.get("url", "")))
    return Claim(
        did,
        term,
        str(body.get("alias", "")),
        str(body.get("address", "")),
        number(body.get("since")),
        str(body.get("proof", "")),
        named or None,
    )


@dataclass(slots=True)
class Leadership:
    """Every claim that the log has. Applying records in any order gives the same state."""

    claims: dict[Rank, Claim] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)
    """By term, how the former coordinator is known not to lead on: `acknowledged` or `gone`."""
    leader: Claim | None = None
    """The claim that counts; None in a fleet in which nobody was promoted."""
    _keys: dict[Rank, Key] = field(default_factory=dict)
    _told_keys: dict[int, Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one record of the instance registry."""
        record = stored.record
        if record.thread != INSTANCE_REGISTRY or record.act != "KNOW" or record.clock is None:
            return
        if record.topic == LEADING_TOLD:
            self._take_told(record.body, word_key(record))
        elif record.topic == LEADING:
            claim = read_claim(record.body)
            if claim is not None and claim.did == record.actor:
                self._take(claim, word_key(record))

    def _take(self, claim: Claim, key: Key) -> None:
        if self._keys.get(claim.rank, NEVER) >= key:
            return
        self._keys[claim.rank] = key
        self.claims[claim.rank] = claim
        if self.leader is None or claim.rank == self.leader.rank or leads_over(claim.rank, self.leader.rank):
            self.leader = claim

    def _take_told(self, body: Mapping[str, Any], key: Key) -> None:
        term, how = body.get("term"), body.get("how")
        if type(term) is not int or how not in (ACKNOWLEDGED, GONE):
            return
        if self._told_keys.get(term, NEVER) < key:
            self._told_keys[term] = key
            self.told[term] = how

    @property
    def term(self) -> int:
        """The term in force."""
        return FIRST_TERM if self.leader is None else self.leader.term

    @property
    def rivals(self) -> list[Claim]:
        """Others that were promoted in the leader's term and do not lead, by DID."""
        leader = self.leader
        if leader is None:
            return []
        same = (one for (term, did), one in self.claims.items() if term == leader.term and did != leader.did)
        return sorted(same, key=lambda one: one.did)

    def rank_of(self, did: str) -> Rank:
        """The highest term in which this instance was promoted; the first term when it never was."""
        return max((rank for rank in self.claims if rank[1] == did), default=(FIRST_TERM, did))

    def spent(self, proof: str) -> int | None:
        """The term that this proof was used for; None when it was not."""
        return min((one.term for one in self.claims.values() if one.proof == proof), default=None)
