"""Whose bearer token this is: a service account's, an instance's, or the coordinator's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from syncropel.engine.control.accounts import find_token, is_fleet_account
from syncropel.engine.engine import Engine
from syncropel.errors import CredentialRevoked, Forbidden, SyncropelError, Unauthorized
from syncropel.folds.control.access import MERGES, READS_OUTPUT, Account, Token, account_did
from syncropel.policy.authority import Writer
from syncropel.settings.keyring import bearer_hash

_REMEMBERED: Final = 1024
"""Tokens of accounts to cache."""
_OF_INSTANCE: Final = frozenset({"records:write", "fleet:write"})
_OF_COORDINATOR: Final = frozenset({"records:read", "records:write", "fleet:write", READS_OUTPUT, MERGES})
_BY_INSTANCE: Final = frozenset(
    {
        ("GET", "/v1/whoami"),
        ("GET", "/v1/leader"),
        ("POST", "/v1/leader/announce"),
        ("POST", "/v1/records"),
        ("POST", "/v1/records/batch"),
        ("POST", "/v1/fleet/heartbeat"),
        ("POST", "/v1/fleet/siblings"),
        ("GET", "/v1/fleet/link"),
        ("POST", "/v1/fleet/link/acks"),
        ("POST", "/v1/fleet/link/answers"),
    }
)
"""All that an instance asks of its coordinator."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who presented a bearer token: what it may request, and what it may write."""

    token: Token
    writer: Writer

    def refusal(self, method: str, path: str) -> SyncropelError | None:
        """Why it may not request this at all, whatever its scopes; None when they decide."""
        author = self.writer.author
        reads = author == "fleet" and method in ("GET", "HEAD")
        if author not in ("instance", "fleet") or reads or (method, path) in _BY_INSTANCE:
            return None
        return Forbidden(
            f"{self.writer.did or 'the shared fleet token'} may only beat and report its own attempts",
            "use a service account's token: spl token mint ACCOUNT; or the Unix socket",
        )


def over_link(coordinator: str) -> Bearer:
    """The coordinator (a DID) that this worker is linked to: it has proven who it is when that began."""
    return Bearer(_token(coordinator, _OF_COORDINATOR), Writer("coordinator", coordinator))


class Bearers:
    """Identifies who presents a bearer token; a known account's token is not hashed again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[str, Token] = {}
        self._kept: dict[str, tuple[Account | None, Bearer]] = {}

    def find(self, bearer: str) -> Bearer | None:
        """Who presented this, or None. A revoked one belongs to nobody."""
        if not bearer:
            return None
        if (token := self._token(bearer)) is not None:
            return self._of_account(bearer, token)
        if self._is_worker and (did := self._engine.keyring.coordinator_of(bearer)):
            return Bearer(_token(did, _OF_COORDINATOR), Writer("coordinator", did))
        shown = bearer_hash(bearer)
        known = self._engine.ingest.live.credentials.by_hash(shown)
        if known is None or known.revoked:
            return None
        return Bearer(_token(known.did, _OF_INSTANCE, shown), Writer("instance", known.did))

    def _of_account(self, bearer: str, token: Token) -> Bearer:
        """Who presented this token of an account."""
        if self._is_shared(token):
            # On a worker, the shared token stands for a coordinator without a credential of its own;
            # on a coordinator, for such an instance.
            older = self._is_worker and not self._engine.keyring.knows_coordinator
            if older:  # the shared token is older than these scopes
                scopes = token.scopes | {READS_OUTPUT, MERGES}
                return Bearer(replace(token, scopes=scopes), Writer("coordinator"))
            return Bearer(token, Writer("fleet"))
        account = self._engine.ingest.live.access.accounts.get(token.sa_id)
        kept = self._kept.get(bearer)
        # As with tokens: what was changed is another object.
        if kept is not None and kept[0] is account and kept[1].token is token:
            return kept[1]
        actors = account.actors if account is not None else ()
        found = Bearer(token, Writer("account", account_did(token.sa_id), actors))
        if len(self._kept) >= _REMEMBERED:
            self._kept.clear()
        self._kept[bearer] = account, found
        return found

    def _is_shared(self, token: Token) -> bool:
        return token.sha256 == self._engine.accounts.shared_sha256 or is_fleet_account(token.sa_id)

    def unknown(self, bearer: str) -> Unauthorized:
        """The error when `find` returns None."""
        if not bearer:
            return Unauthorized(
                "this needs a bearer token", "send Authorization: Bearer …, or use the Unix socket"
            )
        known = self._engine.ingest.live.credentials.by_hash(bearer_hash(bearer))
        if known is not None and known.revoked:
            hint = "see at the coordinator: spl fleet list --all"
            return CredentialRevoked(known.did, self._engine.instance.did, hint)
        return Unauthorized("this token is not known here", "was it revoked, or made for another instance?")

    @property
    def _is_worker(self) -> bool:
        return self._engine.settings.role == "worker"

    def _token(self, bearer: str) -> Token | None:
        access = self._engine.ingest.live.access
        token = self._seen.get(bearer)
        # A token that was revoked or changed is not the same object any more.
        if token is not None and access.token(token.sha256) is token:
            return token
        token = find_token(access, bearer)
        if token is None:
            self._seen.pop(bearer, None)
            return None
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        self._seen[bearer] = token
        return token


def _token(did: str, scopes: frozenset[str], sha256: str = "") -> Token:
    return Token(did, sha256, scopes, "", 0.0)
