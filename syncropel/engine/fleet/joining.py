"""Invites on the coordinator: lets an instance of another host into the fleet, once for each invite."""

from __future__ import annotations

import asyncio
import hmac
import re
import secrets
from typing import Any, Final

from syncropel.engine.fleet.credentials import Issuer
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable, WrongAuthor
from syncropel.folds.fleet.joins import INVITE, USED, WITHDRAWN, Invite, Joins, Use
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord, is_record_id
from syncropel.record.threads import ENGINE_CONFIG, INSTANCE_DID_PREFIX
from syncropel.settings.keyring import Keyring, secret_hash
from syncropel.wire.version import OLDEST_PROTOCOL, PROTOCOL

LONGEST_SECS: Final = 7 * 86_400.0
_ALIAS: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_GONE: Final = frozenset({"left", "archived"})
_AGAIN: Final = "ask for another: spl fleet invite --alias NAME, at the coordinator"


class JoinRefused(Forbidden):
    """Raised when an instance may not join; its code says why, and the message begins with it."""

    def __init__(self, name: str, message: str, hint: str) -> None:
        super().__init__(f"{name}: {message}", hint, code=name.upper())


class Joining:
    """Writes invites and their use."""

    def __init__(self, ingest: Ingest, issuer: Issuer, keyring: Keyring, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._issuer = issuer
        self._did = did
        self._runtime = runtime
        self._keyring = keyring
        self._one_at_a_time = asyncio.Lock()
        """Between the look at an invite and the record of its use nobody else may use it."""

    @property
    def _joins(self) -> Joins:
        return self._ingest.live.joins

    async def invite(self, alias: str, ttl_secs: float, actor: str) -> tuple[Invite, str]:
        """Invite an instance under this alias; return the invite and its secret, which is kept nowhere.

        Raises BadRequest for an invalid alias or time, JoinRefused when the alias is taken.
        """
        if not _ALIAS.fullmatch(alias):
            raise BadRequest(
                f"invalid alias {alias!r}", "lower-case letters, digits, dots, - and _, at most 63"
            )
        if not 1 <= ttl_secs <= LONGEST_SECS:
            raise BadRequest(
                "an invite is valid for at least a second, and at most 7 days", "such as --ttl 1h"
            )
        async with self._one_at_a_time:
            self._refuse_taken(alias)
            now, secret, id_ = self._runtime.now(), secrets.token_urlsafe(32), secrets.token_hex(6)
            body = {"topic": INVITE, "invite": id_, "alias": alias, "sha256": secret_hash(secret)}
            await self._write(actor, {**body, "expires_at": now + ttl_secs})
            return self._joins.invites[id_], secret

    def _refuse_taken(self, alias: str, did: str = "") -> None:
        """Raise JoinRefused when another instance than `did`, or an open invite, has this alias."""
        now, live = self._runtime.now(), self._ingest.live
        known, joined = live.registry.by_alias(alias), self._joins.by_alias(alias)
        holder = ""
        if known is not None and known.did != did and known.state not in _GONE:
            holder = known.did
        elif joined is not None and joined.did != did and live.credentials.is_valid(joined.did):
            holder = joined.did
        if holder:
            raise JoinRefused(
                "alias_taken",
                f"{alias} is the alias of {holder}",
                f"choose another; or, if that one is gone for good: spl fleet nodes revoke {alias}",
            )
        if not did and any(one.alias == alias and self._joins.is_open(one, now) for one in self.open()):
            raise JoinRefused(
                "alias_taken",
                f"there is an open invite for {alias}",
                f"take it back: spl fleet uninvite {alias}",
            )

    def refusal_of_alias(self, did: str, alias: str) -> WrongAuthor | None:
        """Why this instance may not beat under this alias, or None: an invite names it, and it stays."""
        use = self._joins.latest(did)
        if use is None or use.alias == alias:
            return None
        told = f"{did} joined as {use.alias}, and may not beat as {alias}"
        return WrongAuthor(told, f'set [fleet] alias = "{use.alias}" there; or join again under another')

    def open(self) -> list[Invite]:
        """Invites that can be used now, the oldest first."""
        now = self._runtime.now()
        found = [one for one in self._joins.invites.values() if self._joins.is_open(one, now)]
        return sorted(found, key=lambda one: one.at)

    async def withdraw(self, name: str, actor: str) -> Invite:
        """Take back the open invite with this id or alias. Raises NotFound."""
        async with self._one_at_a_time:
            for one in self.open():
                if name in (one.id, one.alias):
                    await self._write(actor, {"topic": WITHDRAWN, "invite": one.id})
                    return one
        raise NotFound(f"there is no open invite {name!r}", "see: spl fleet nodes list")

    async def join(self, invite: str, secret: str, did: str, sha256: str, protocol: int) -> tuple[Use, str]:
        """Let an instance in whose own credential has this hash; return the use of its invite, and the hash
        of the secret that this coordinator presents to it.

        The same instance may ask again with the same credential: it gets the same answer. Raises JoinRefused,
        BadRequest, Conflict.
        """
        if not (did.startswith(INSTANCE_DID_PREFIX) and is_record_id(sha256)):
            raise BadRequest(
                "did must name an instance, and sha256 must be 64 hex digits", "see: spl fleet join"
            )
        if not OLDEST_PROTOCOL <= protocol <= PROTOCOL:
            old = protocol < OLDEST_PROTOCOL
            raise JoinRefused(
                "too_old" if old else "too_new",
                f"it speaks protocol {protocol}, this coordinator {OLDEST_PROTOCOL} to {PROTOCOL}",
                f"upgrade {'it' if old else 'the coordinator first'}: pip install -U syncropel-console",
            )
        async with self._one_at_a_time:
            found = self._valid(invite, secret)
            use = self._joins.uses.get(found.id)
            if use is None:
                self._refuse_stale(found)
                self._refuse_instance(did, sha256)
                self._refuse_taken(found.alias, did)
            elif (use.did, use.sha256) != (did, sha256):
                raise JoinRefused(
                    "invite_used",
                    f"{use.did} has joined with it as {use.alias}",
                    f"if you do not know that one: spl fleet nodes revoke {use.alias}; {_AGAIN}",
                )
            elif (known := self._issuer.known(did)) is not None and known.sha256 != sha256:
                raise JoinRefused(
                    "invite_used", f"{did} has joined with it, and has another credential now", _AGAIN
                )
            try:
                own = self._keyring.make_towards(did, self._did)
            except OSError as error:
                told = f"the coordinator cannot write its secret for this instance: {error.strerror or error}"
                raise Unavailable(told, "the disk of the coordinator; then join again") from None
            if use is None:
                body = {"topic": USED, "invite": found.id, "did": did, "alias": found.alias, "sha256": sha256}
                await self._write(self._did, body)
                use = self._joins.uses[found.id]
            # After the use: a crash in between leaves an invite that only this instance can go on with.
            await self._issuer.issue(did, sha256, actor=self._did, reissue=True)
            return use, own

    def _valid(self, invite: str, secret: str) -> Invite:
        found = self._joins.invites.get(invite)
        known = found.sha256 if found is not None else secret_hash("")
        if not hmac.compare_digest(secret_hash(secret), known) or found is None:
            raise JoinRefused(
                "invite_unknown", "no invite has this id and secret", f"copy all of it; {_AGAIN}"
            )
        return found

    def _refuse_stale(self, found: Invite) -> None:
        if found.id in self._joins.withdrawn:
            raise JoinRefused("invite_withdrawn", f"the invite for {found.alias} was taken back", _AGAIN)
        if (late := self._runtime.now() - found.expires_at) >= 0:
            raise JoinRefused(
                "invite_expired", f"the invite for {found.alias} expired {late:.0f} s ago", _AGAIN
            )

    def _refuse_instance(self, did: str, sha256: str) -> None:
        if did == self._did:
            raise Conflict(
                f"{did} is this coordinator itself",
                "was a home copied? remove keys/instance.key of the copy: it then gets a DID of its own",
            )
        known, holder = self._issuer.known(did), self._ingest.live.credentials.by_hash(sha256)
        if holder is not None and holder.did != did:
            raise Conflict("this secret already belongs to an instance", "make another one")
        if holder is not None and holder.revoked:
            raise JoinRefused("secret_revoked", "its secret was revoked", "make another one: join again")
        if known is not None and not known.revoked and known.sha256 != sha256:
            raise JoinRefused(
                "already_joined",
                f"{did} has a credential, and this is not it",
                "if it has lost its own: spl fleet nodes revoke NAME, at the coordinator; then join again",
            )

    async def _write(self, actor: str, body: dict[str, Any]) -> StoredRecord:
        record = Record(ENGINE_CONFIG, actor, "LEARN", {**body, "at": self._runtime.now()})
        return (await self._ingest.append_one(record)).stored
