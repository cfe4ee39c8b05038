"""What makes a `leading` record count, and what an instance that does not lead refuses.

A coordinator gives each worker that its own operator starts a second secret, which the worker presents once:
when its operator promotes it. So nobody takes a coordinator's place with a worker's token alone.
"""

from __future__ import annotations

import hmac
from typing import Any, Final, Protocol

from syncropel.errors import Conflict, InvalidRecord, SyncropelError, WrongAuthor
from syncropel.folds.fleet.credentials import Credentials
from syncropel.folds.fleet.leadership import LEADING, Claim, Leadership, leads_over, read_claim
from syncropel.record.model import Record
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.settings.keyring import bearer_hash
from syncropel.wire.leader import NOT_LEADER, STALE_TERM

_SEE: Final = "see who leads: spl leader show"
_NOT_PROVEN: Final = "on its machine its operator promotes it: spl fleet promote WORKER"


class StaleTerm(Conflict):
    """Raised when somebody speaks for a term that is over; names the leader whom this instance knows."""

    code = STALE_TERM

    def __init__(self, message: str, leader: Claim, *, with_proof: bool = False) -> None:
        super().__init__(message, _SEE)
        self.leader = leader
        self.with_proof = with_proof
        """Whether the answer includes the leader's proof, for a caller that presented a known secret."""

    def envelope(self) -> dict[str, Any]:
        """The error in its wire form, with `leader`."""
        return {**super().envelope(), "leader": claim_fields(self.leader, with_proof=self.with_proof)}


class NotLeader(Conflict):
    """Raised when a fenced coordinator is asked to change something; names the leader."""

    code = NOT_LEADER
    status = 421

    def __init__(self, leader: Claim, what: str = "") -> None:
        where = f"spl fleet status --url {leader.address}" if leader.address else "spl leader show"
        hint = f"ask there: {where}; what this one has can still be read; end what it runs: spl stop"
        super().__init__(f"{fenced_words(leader)}{f': {what} is refused' if what else ''}", hint)
        self.leader = leader

    def envelope(self) -> dict[str, Any]:
        """The error in its wire form, with `leader`."""
        return {**super().envelope(), "leader": claim_fields(self.leader, with_proof=False)}


def claim_fields(claim: Claim, *, with_proof: bool) -> dict[str, Any]:
    """A claim as others are told it."""
    fields = claim.fields()
    if not with_proof:
        fields.pop("proof", None)
    return fields


def leader_words(leader: Claim) -> str:
    """Who leads, and where, in words."""
    where = f" at {leader.address}" if leader.address else ""
    return f"{leader.alias or leader.did} leads the fleet{where} in term {leader.term}"


def fenced_words(leader: Claim) -> str:
    """Why a former coordinator changes nothing any more."""
    return f"this coordinator is fenced: {leader_words(leader)}"


def stale(rank: tuple[int, str], leader: Claim, *, with_proof: bool = False) -> StaleTerm:
    """The refusal of somebody who speaks for this term."""
    term, did = rank
    why = f"term {term} is over" if term < leader.term else f"{leader.did} comes before {did} in term {term}"
    return StaleTerm(f"{why}: {leader_words(leader)}", leader, with_proof=with_proof)


class LedState(Protocol):
    """The live folds that are asked here."""

    @property
    def credentials(self) -> Credentials: ...
    @property
    def leadership(self) -> Leadership: ...


def check_leading(record: Record, state: LedState, own_did: str, coordinator: str) -> SyncropelError | None:
    """Why this `leading` record does not count, or None. Asked of every author.

    `coordinator`: the DID of the coordinator that this worker was introduced to; empty on a coordinator.
    """
    if record.thread != INSTANCE_REGISTRY or record.topic != LEADING:
        return None
    claim = read_claim(record.body)
    if claim is None or record.act != "KNOW" or claim.did != record.actor:
        return InvalidRecord("leading: needs did (its actor) and term, a whole number above 1", _SEE)
    leader = state.leadership.leader
    if leader is not None and claim.rank != leader.rank and leads_over(leader.rank, claim.rank):
        return stale(claim.rank, leader)
    if claim.did in (own_did, coordinator):
        return None
    return unproven(claim, state)


def unproven(claim: Claim, state: LedState) -> SyncropelError | None:
    """Why the proof does not show that the instance was promoted, or None."""
    name, credential = claim.alias or claim.did, state.credentials.known.get(claim.did)
    if credential is None or credential.revoked or not credential.sha256:
        return WrongAuthor(
            f"{name} has no valid credential here and cannot lead", "see: spl fleet list --all"
        )
    wanted = credential.succession
    if not wanted or not hmac.compare_digest(bearer_hash(claim.proof), wanted):
        return WrongAuthor(f"{name} does not prove that its operator promoted it", _NOT_PROVEN)
    spent = state.leadership.spent(claim.proof)
    if spent is not None and spent != claim.term:
        return WrongAuthor(f"{name} was promoted in term {spent}, not in term {claim.term}", _NOT_PROVEN)
    return None
