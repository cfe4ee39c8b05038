"""An instance's knowledge of who leads the fleet: what it hears of that, writes down, and tells others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import Conflict, SyncropelError
from syncropel.folds.fleet.leadership import (
    ACKNOWLEDGED,
    FIRST_TERM,
    GONE,
    LEADING,
    LEADING_TOLD,
    Claim,
    Former,
    Leadership,
    Rank,
    leads_over,
    read_claim,
)
from syncropel.peer.runtime import Runtime
from syncropel.policy.leading import StaleTerm, claim_fields, leader_words, stale, unproven
from syncropel.policy.standing import Standing
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import INSTANCE_REGISTRY
from syncropel.settings.keyring import Keyring

log = logging.getLogger("syncropel.engine.leading")


class Leading:
    """Keeps the highest term that this instance (`did`) has heard of in its log, and speaks for its own.

    `endpoint`: where it is reached. `fenced`: called when it begins or ceases to be fenced. A worker takes
    the word of its own coordinator; anybody else has to prove that the operator of the instance that leads
    promoted it.
    """

    def __init__(
        self,
        ingest: Ingest,
        keyring: Keyring,
        did: str,
        alias: str,
        endpoint: Callable[[], str],
        runtime: Runtime,
        *,
        worker: bool,
        fenced: Callable[[], None],
    ) -> None:
        self._ingest = ingest
        self._keyring = keyring
        self._did = did
        self._alias = alias
        self._endpoint = endpoint
        self._runtime = runtime
        self._worker = worker
        self._fenced = fenced
        self._was_fenced = False
        self.changed: Callable[[], None] = lambda: None
        """Called when what is to be told the former coordinator may have changed."""
        self.heard_of: dict[str, Claim] = {}
        """Others that claim to lead in the leader's term, as somebody told it, by DID."""
        self._follow: set[str] = set()
        """Those that said, since this daemon began, that this instance leads."""
        self.problem = ""
        """Why the latest claim that was heard of does not count; empty when it does."""
        ingest.subscribe(self._on_records)

    @property
    def state(self) -> Leadership:
        return self._ingest.live.leadership

    @property
    def standing(self) -> Standing:
        return self._ingest.live.standing

    @property
    def leader(self) -> Claim | None:
        """The claim that counts here; None in a fleet in which nobody was promoted."""
        return self.state.leader

    @property
    def leads(self) -> bool:
        """Whether this instance was promoted and leads."""
        return not self._worker and self.leader is not None and self.leader.did == self._did

    @property
    def unclaimed(self) -> bool:
        """Whether this instance was a worker, is a coordinator now, and was not promoted."""
        was_worker = self._keyring.coordinator not in ("", self._did)
        return not self._worker and was_worker and self.leader is None

    @property
    def former(self) -> Former | None:
        """The coordinator in whose place this instance leads; None when its operator says that it is gone."""
        leader = self.leader
        if leader is None or not self.leads or self.state.told.get(leader.term) == GONE:
            return None
        former = leader.former
        return former if former is not None and former.did else None

    @property
    def split(self) -> Former | None:
        """The former coordinator, while it may not know that this instance leads in its place."""
        leader = self.leader
        return None if leader is None or leader.term in self.state.told else self.former

    def speaks_as(self) -> str:
        """What this instance's requests as a coordinator say: its term and its DID; empty on a worker."""
        term, did = self.state.rank_of(self._did)
        return "" if self._worker else f"{term} {did}"

    def told(self, *, with_proof: bool = True) -> dict[str, Any] | None:
        """The claim that counts here, as other instances are told it."""
        return None if self.leader is None else claim_fields(self.leader, with_proof=with_proof)

    def refusal(self, rank: Rank, *, with_proof: bool) -> StaleTerm | None:
        """Why nobody speaks for this term any more, or None."""
        leader = self.leader
        if leader is None or leader.did == rank[1] or not leads_over(leader.rank, rank):
            return None
        return stale(rank, leader, with_proof=with_proof)

    def check_answer(self, answer: Mapping[str, Any]) -> None:
        """Raise StaleTerm for an answer to a heartbeat, or control, of a coordinator whose term is over."""
        coordinator, claim = str(answer.get("coordinator", "")), _claim(answer)
        term = claim.term if claim is not None and claim.did == coordinator else FIRST_TERM
        if coordinator and (refusal := self.refusal((term, coordinator), with_proof=False)) is not None:
            raise refusal

    async def hear_coordinator(self, answer: Mapping[str, Any]) -> None:
        """This worker's coordinator said who leads. Raises SyncropelError when that cannot be written."""
        coordinator, claim = str(answer.get("coordinator", "")), _claim(answer)
        known = self._keyring.coordinator if self._keyring.knows_coordinator else coordinator
        self.standing.coordinator = known
        if claim is None or claim.did != coordinator or coordinator != known:
            return
        if self.leader is None or self.leader.fields() != claim.fields():
            await self._write(claim)

    async def hear(self, said: Any, teller: str) -> None:
        """Somebody says who leads. It counts when it is proven, and higher than what is known here."""
        claim = read_claim(said) if isinstance(said, Mapping) else None
        if claim is None or claim.did == self._did:
            return
        leader = self.leader
        if leader is not None and not leads_over(claim.rank, leader.rank):
            if unproven(claim, self._ingest.live) is None:
                self.hear_of_rival(claim)
            return
        try:
            await self._write(claim)
        except SyncropelError as error:
            if self.problem != (problem := f"{teller} says that {leader_words(claim)}: {error.message}"):
                log.warning("%s", problem)
            self.problem = problem
        else:
            self.problem = ""

    def hear_of_rival(self, claim: Claim) -> None:
        """Another instance was promoted in the leader's term, as somebody told it."""
        leader = self.leader
        if leader is None or claim.term != leader.term or claim.did == leader.did:
            return
        if claim.did not in self.heard_of and claim.did not in self._follow:
            self.heard_of[claim.did] = claim
            name = claim.alias or claim.did
            log.warning("%s was promoted in term %d, too: the lower DID leads", name, claim.term)

    @property
    def rivals(self) -> list[Claim]:
        """The other instances that were promoted in the leader's term, by DID."""
        term = self.leader.term if self.leader is not None else 0
        heard = (one for one in self.heard_of.values() if one.term == term)
        return sorted(
            {one.did: one for one in (*heard, *self.state.rivals)}.values(), key=lambda one: one.did
        )

    async def take(self, claim: Claim) -> None:
        """Another instance says, with its own credential, that it leads. Raises SyncropelError unless that
        is proven, and higher than what is known here.
        """
        if self.leader is None or self.leader.rank != claim.rank:
            await self._write(claim)

    async def claim(self, at_least: int = 0, *, by: str = "") -> Claim:
        """This instance's operator says that it leads from now on, in a term above every one it knows of, and
        not below `at_least`. Nothing is written when it leads already.

        Raises Conflict on a worker, and where nobody led before.
        """
        if self._worker:
            raise Conflict("this instance is a worker", "promote it at its fleet: spl fleet promote WORKER")
        leader, keyring = self.leader, self._keyring
        if leader is not None and leader.did == self._did:
            self._spend(leader)
            return leader
        former = Former(keyring.coordinator, keyring.coordinator_url)
        if leader is not None:
            former = Former(leader.did, leader.address)
        if not former.did:
            raise Conflict("this coordinator leads already, in term 1", "see: spl leader show")
        term = max(leader.term + 1 if leader is not None else FIRST_TERM + 1, at_least)
        proof, now = keyring.succession(), self._runtime.now()
        claim = Claim(self._did, term, self._alias, self._endpoint(), now, proof, former)
        await self._write(claim, by)
        self._spend(claim)
        log.warning("leads the fleet in term %d", term)
        return claim

    async def begin(self) -> None:
        """At start: say where this instance is reached now, if it leads."""
        self._look()
        leader = self.leader
        if leader is None or not self.leads:
            return
        self._spend(leader)
        if leader.address != (here := self._endpoint()):
            try:
                await self._write(replace(leader, alias=self._alias, address=here))
            except SyncropelError as error:  # the next start tries again
                log.error("cannot write where this instance is reached: %s", error.message)

    async def hear_follower(self, did: str, alias: str, said: Mapping[str, Any] | None) -> None:
        """A worker's heartbeat, by its own credential, says who leads as far as it knows. One that led before
        and follows now knows that it leads no more.
        """
        if said is None:
            return
        await self.hear(said, alias or did)
        leader, claim = self.leader, read_claim(said)
        if leader is None or claim is None or claim.rank != leader.rank or not self.leads:
            return
        self._follow.add(did)
        self.heard_of.pop(did, None)
        if (former := self.split) is not None and former.did == did:
            await self.note_told(ACKNOWLEDGED)

    async def note_told(self, how: str, *, by: str = "") -> None:
        """The former coordinator is known not to lead on. Raises Conflict when the fleet is not split."""
        leader, former = self.leader, self.split
        if leader is None or former is None:
            raise Conflict("the fleet is not split: nobody has to be told", "see: spl leader show")
        body = {"topic": LEADING_TOLD, "term": leader.term, "did": former.did, "how": how}
        await self._append(body, by=by)
        said = "is gone for good, its operator says" if how == GONE else "knows that it leads no more"
        log.info("the former coordinator %s %s", former.did, said)

    async def _write(self, claim: Claim, by: str = "") -> None:
        former = claim.former
        more = {"former": {"did": former.did, "url": former.url}} if former is not None else {}
        await self._append({"topic": LEADING, **claim.fields(), **more}, claim.did, by)

    async def _append(self, body: dict[str, Any], actor: str = "", by: str = "") -> None:
        more = {"by": by} if by else {}
        record = Record(
            INSTANCE_REGISTRY, actor or self._did, "KNOW", {**body, **more, "at": self._runtime.now()}
        )
        # No rule of an operator keeps out who leads.
        (outcome,) = await self._ingest.append([record], ruled=False)
        if isinstance(outcome, SyncropelError):
            raise outcome

    def _spend(self, claim: Claim) -> None:
        """Remove the secret that the claim has used: from now on it stands in the log."""
        if claim.proof and claim.proof == self._keyring.succession():
            try:
                self._keyring.spend_succession()
            except OSError as error:
                log.error("cannot remove a secret that was used: %s", error.strerror or error)

    def _on_records(self, records: Sequence[StoredRecord]) -> None:
        if any(one.record.topic in (LEADING, LEADING_TOLD) for one in records):
            self._look()
            self.changed()

    def _look(self) -> None:
        fenced = self.standing.fenced
        if (fenced is not None) != self._was_fenced:
            self._was_fenced = fenced is not None
            if fenced is not None:
                log.error("%s: it begins and decides nothing any more", self.standing.why)
            else:
                log.warning("leads again")
            self._fenced()


def _claim(answer: Mapping[str, Any]) -> Claim | None:
    said = answer.get("leading")
    return read_claim(said) if isinstance(said, Mapping) else None
