"""Credentials of instances on the coordinator: issues and revokes them, and checks who may speak for whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, Conflict, CredentialRevoked, SyncropelError, WrongAuthor
from syncropel.folds.fleet.credentials import CREDENTIAL, REVOKED, Credential
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import Writer
from syncropel.record.model import Record, StoredRecord, is_record_id
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_DID_PREFIX

LIFE_SECS: Final = 30 * 86_400.0
RENEWED_AT: Final = 0.67
"""The share of that after which an instance is told to renew its credential. An older one stays good: a host
that was off for months comes back.
"""
REISSUE = "to readmit it with a new one: spl fleet start --workers N --reissue NAME"


class Issuer:
    """Writes records about credentials. `ended` is called for an instance whose credential is revoked."""

    def __init__(
        self, ingest: Ingest, did: str, runtime: Runtime, ended: Callable[[str], Awaitable[None]]
    ) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._ended = ended

    def known(self, did: str) -> Credential | None:
        """The newest record about this instance."""
        return self._ingest.live.credentials.known.get(did)

    async def issue(
        self, did: str, sha256: str, *, actor: str, reissue: bool, succession: str = ""
    ) -> StoredRecord | None:
        """Accept the secret with this hash as the instance's; None when it already is. `succession`: the hash
        of the one with which it may take this coordinator's place.

        Raises BadRequest for an invalid instance DID or SHA-256, Conflict when the instance was revoked and
        reissuing was not requested, or when the hash belongs to another.
        """
        hashes = [one for one in (sha256, succession) if one]
        if not (did.startswith(INSTANCE_DID_PREFIX) and sha256 and all(map(is_record_id, hashes))):
            raise BadRequest(
                "did must name an instance, and each SHA-256 must be 64 hex digits", "see: spl fleet start"
            )
        present, holder = self.known(did), self._ingest.live.credentials.by_hash(sha256)
        if present is not None and present.revoked and not reissue:
            told = f" ({present.reason})" if present.reason else ""
            raise Conflict(f"{did} was revoked{told}", REISSUE, code="CREDENTIAL_REVOKED")
        if holder is not None and (holder.did != did or holder.revoked):
            raise Conflict("this secret already belongs to an instance", "make another one")
        if holder is not None and succession in ("", holder.succession):
            return None
        more = {"succession": succession} if succession else {}
        return await self._write(actor, {"topic": CREDENTIAL, "did": did, "sha256": sha256, **more})

    def is_due(self, did: str) -> bool:
        """Whether this instance is to renew its credential now."""
        known = self.known(did)
        if known is None or known.revoked:
            return False
        return known.renew or self._runtime.now() - known.at > RENEWED_AT * LIFE_SECS

    async def ask_to_renew(self, did: str, *, actor: str) -> StoredRecord:
        """Have this instance renew its credential with its next heartbeat. Raises Conflict without one."""
        known = self.known(did)
        if known is None or known.revoked or not known.sha256:
            raise Conflict(f"{did} has no credential that it could renew", "see: spl fleet nodes list")
        body = {**_same(known), "sha256": known.sha256, "renew": True}
        return await self._write(actor, {**body, **({"before": known.before} if known.before else {})})

    async def renew(self, did: str, presented: str, proposed: str) -> str:
        """Take up the hash that an instance proposes for its next secret; return the hash that is accepted,
        empty when none is. `presented`: of the secret that the heartbeat came with.

        The one before stays good until the new one was presented once: the answer to this may be lost.
        """
        known = self.known(did)
        if known is None or known.revoked or presented not in (known.sha256, known.before):
            return ""
        body = _same(known)
        if presented == known.sha256 and known.before:
            await self._write(did, {**body, "sha256": known.sha256})
        if not is_record_id(proposed) or proposed == presented:
            return ""
        if proposed == known.sha256:
            return proposed
        holder = self._ingest.live.credentials.by_hash(proposed)
        if holder is not None or not (self.is_due(did) or presented == known.before):
            return ""
        await self._write(did, {**body, "sha256": proposed, "before": presented})
        return proposed

    async def revoke(self, did: str, *, actor: str, reason: str = "") -> StoredRecord:
        """Revoke this instance's credential for good and at once: its lease ends with that.

        Raises Conflict when it is already revoked.
        """
        present = self.known(did)
        if present is not None and present.revoked:
            raise Conflict(f"{did} was revoked already", REISSUE)
        body = {"topic": REVOKED, "did": did, "sha256": present.sha256 if present is not None else ""}
        written = await self._write(actor, {**body, **({"reason": reason} if reason else {})})
        await self._ended(did)
        return written

    async def _write(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        record = Record(FLEET_CONTROL, actor, "LEARN", {**body, "at": self._runtime.now()})
        return (await self._ingest.append_one(record)).stored

    def refusal_to_beat(self, writer: Writer, did: str) -> SyncropelError | None:
        """Why this caller may not renew the lease of this instance, or None."""
        known = self.known(did)
        if known is not None and known.revoked:
            return CredentialRevoked(did, self._did, REISSUE)
        if writer.author == "account":
            told = f"the account {writer.did} may not beat for {did}"
            return WrongAuthor(told, "an instance beats by its own credential: spl fleet start")
        if writer.author == "instance":
            if writer.did == did:
                return None
            return WrongAuthor(f"{writer.did} may not beat for {did}", "each instance beats for itself")
        if known is not None:
            return WrongAuthor(
                f"{did} must send heartbeats with its own credential",
                "it is in secrets/instance.token of its home",
            )
        return None


def _same(known: Credential) -> dict[str, Any]:
    """What stays when an instance gets another secret: whether it may take the coordinator's place."""
    succession = {"succession": known.succession} if known.succession else {}
    return {"topic": CREDENTIAL, "did": known.did, **succession}
