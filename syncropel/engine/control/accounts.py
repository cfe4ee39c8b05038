"""Mints service accounts and tokens. Only the SHA-256 of a secret ever reaches the log."""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import BadRequest, Conflict, NotFound, SyncropelError
from syncropel.folds.control.access import (
    API_TOKEN,
    PULLS,
    SCOPES,
    SERVICE_ACCOUNT,
    TOKEN_REVOKED,
    Access,
    Account,
    Token,
    account_did,
)
from syncropel.folds.control.namespaces import parse_namespace
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, is_name
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.settings.keyring import bearer_hash, secret_hash, split_bearer

log = logging.getLogger("syncropel.engine.accounts")

ENVIRONMENT: Final = "prod"
BOOTSTRAP_ACCOUNT: Final = "sa-bootstrap-env"
FLEET_SCOPES: Final = ("records:read", "records:write", "threads:write", "fleet:write", "config:read")
MAX_ACTORS: Final = 64
FLEET_ACCOUNT: Final = "sa-fleet"
_OF_FLEET: Final = re.compile(rf"{FLEET_ACCOUNT}(-[0-9a-f]{{6}})?")
"""The account of the fleet's shared token, and those of its replacements."""
_ACCOUNT_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_ID_DIGITS: Final = 8
"""Shortest usable prefix of a token's id: shorter ones soon become ambiguous."""
_SECRET: Final = re.compile(r"[!-~]{16,256}")


def find_token(access: Access, bearer: str) -> Token | None:
    """The valid token that this bearer string stands for.

    The look-up is by the hash of the secret, so its timing reveals nothing about stored secrets.
    """
    split = split_bearer(bearer)
    if split is None:
        return None
    token = access.token(secret_hash(split[1]))
    if token is None or not hmac.compare_digest(token.sa_id.encode(), split[0].encode()):
        return None
    return token


@lru_cache(maxsize=1024)
def is_fleet_account(sa_id: str) -> bool:
    """Whether this account's token is the one that the instances of a fleet share."""
    return _OF_FLEET.fullmatch(sa_id) is not None


@dataclass(frozen=True)
class Minted:
    """A new token. `bearer` is presented in calls; it is stored nowhere."""

    id: str
    scopes: tuple[str, ...]
    bearer: str = field(repr=False)


class Accounts:
    """Writes service accounts and tokens to the engine's config thread."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self.shared_sha256 = ""
        """The hash of the token that the fleet shared at the start; empty without one."""

    async def mint(
        self,
        sa_id: str,
        scopes: Sequence[str],
        actors: Sequence[str] | None = None,
        pulls_for: str | None = None,
    ) -> Minted:
        """Create a service account with one token. `actors`: whom it may write as; None: itself only.
        `pulls_for`: the namespace for which it fetches bundles, if that is all that it may read.

        Raises BadRequest for an invalid id or pattern, an unknown scope, or a scope without its namespace;
        InvalidNamespace; Conflict when the account exists.
        """
        if not _ACCOUNT_ID.fullmatch(sa_id):
            raise BadRequest(
                f"{sa_id!r} is not a service account id",
                "lower-case letters, digits, dots and dashes, at most 63",
            )
        granted = _granted(scopes)
        namespace = _namespace(granted, pulls_for or "")
        if sa_id in self._access.accounts:
            raise Conflict(
                f"the service account {sa_id} exists",
                f"choose another id; or another token of it: spl token mint {sa_id}",
            )
        return await self._mint(sa_id, granted, _patterns(actors), namespace)

    async def another(self, sa_id: str) -> Minted:
        """Mint another token for an account, with its current scopes. Raises NotFound."""
        return await self._mint(sa_id, _listed(self._account(sa_id).scopes))

    async def grant(
        self,
        sa_id: str,
        scopes: Sequence[str] | None,
        actors: Sequence[str] | None = None,
        pulls_for: str | None = None,
    ) -> Account:
        """Change what new tokens of an account may do; and, from now on, whom all of its tokens may write as,
        and for which namespace they fetch bundles. None leaves a value unchanged.

        Raises BadRequest for an unknown scope, an invalid pattern, or a scope without its namespace;
        InvalidNamespace; NotFound for an unknown account.
        """
        account = self._account(sa_id)
        granted = _listed(account.scopes) if scopes is None else _granted(scopes)
        wanted = account.actors if actors is None else tuple(_patterns(actors) or ())
        kept = account.pulls_for if PULLS in granted else ""
        namespace = _namespace(granted, kept if pulls_for is None else pulls_for)
        if (frozenset(granted), wanted, namespace) != (account.scopes, account.actors, account.pulls_for):
            await self._append([self._account_record(sa_id, granted, wanted, namespace)])
        return self._account(sa_id)

    async def revoke(self, token_id: str, reason: str = "") -> Token:
        """Revoke a token for good. `token_id`: its id, or the first digits of it.

        Raises BadRequest when that is ambiguous, NotFound when there is none.
        """
        token = self._find(token_id)
        if token.sha256 not in self._access.revoked:
            body = {
                "topic": TOKEN_REVOKED,
                "token_sha256": token.sha256,
                "sa_id": token.sa_id,
                "reason": reason,
                "at": self._runtime.now(),
            }
            await self._append([Record(ENGINE_CONFIG, self._did, "LEARN", body)])
            log.info("a token of %s was revoked", token.sa_id)
        return token

    async def accept_shared(self, token: str) -> None:
        """Accept the token that the fleet shares, if there is one; what is wrong with it is logged."""
        if not token:
            return
        self.shared_sha256 = bearer_hash(token)
        try:
            await self.accept(token, FLEET_SCOPES)
        except SyncropelError as error:
            log.error("the fleet token is of no use: %s", error.message)

    async def accept(self, bearer: str, scopes: Sequence[str]) -> None:
        """Make this bearer string valid here, unless it is. Raises BadRequest when it has the wrong form."""
        split = split_bearer(bearer)
        if split is None or not _SECRET.fullmatch(split[1]):
            raise BadRequest("the token is not of the form spl_<env>_<account>_<secret>", "mint a new one")
        if find_token(self._access, bearer) is None:
            await self._write(split[0], scopes, split[1])

    async def bootstrap(self, secret: str) -> bool:
        """Mint the first admin account from an operator's secret; return whether that was done.

        Nothing happens when there is already an account, or when the secret is not 16 to 256 printable ASCII
        characters.
        """
        if self._access.accounts:
            return False
        if not _SECRET.fullmatch(secret):
            log.warning("SPL_BOOTSTRAP_TOKEN is not 16 to 256 printable ASCII characters; no account is made")
            return False
        await self._write(BOOTSTRAP_ACCOUNT, ["admin"], secret)
        return True

    @property
    def _access(self) -> Access:
        return self._ingest.live.access

    def _account(self, sa_id: str) -> Account:
        found = self._access.accounts.get(sa_id)
        if found is None:
            raise NotFound(
                f"there is no service account {sa_id}",
                f"make it: spl token mint {sa_id} --scope records:read",
            )
        return found

    def _find(self, token_id: str) -> Token:
        if len(token_id) < _ID_DIGITS:
            raise BadRequest(f"{token_id!r} is too short", f"at least {_ID_DIGITS} digits of the token's id")
        found = [one for one in self._access.tokens.values() if one.id.startswith(token_id)]
        if not found:
            raise NotFound(f"there is no token {token_id}", "they are listed by: spl token list")
        if len(found) > 1:
            raise BadRequest(f"{len(found)} tokens begin with {token_id}", "give more digits of its id")
        return found[0]

    async def _mint(
        self,
        sa_id: str,
        granted: Sequence[str],
        actors: Sequence[str] | None = None,
        pulls_for: str = "",
    ) -> Minted:
        secret = secrets.token_hex(24)
        token_id = await self._write(sa_id, granted, secret, actors, pulls_for)
        return Minted(token_id, tuple(granted), f"spl_{ENVIRONMENT}_{sa_id}_{secret}")

    def _account_record(
        self, sa_id: str, granted: Sequence[str], actors: Sequence[str] | None, pulls_for: str
    ) -> Record:
        body = {"topic": SERVICE_ACCOUNT, "sa_id": sa_id, "scopes": list(granted), "at": self._runtime.now()}
        if actors is not None:
            body["allowed_actors"] = list(actors)
        if pulls_for:
            body["pulls_for"] = pulls_for
        return Record(ENGINE_CONFIG, self._did, "LEARN", body)

    async def _write(
        self,
        sa_id: str,
        scopes: Sequence[str],
        secret: str,
        actors: Sequence[str] | None = None,
        pulls_for: str = "",
    ) -> str:
        """Write a token, and its account if there is none, which writes as itself unless `actors` says
        otherwise; return the token's id.
        """
        granted = _listed(scopes)
        token = {
            "topic": API_TOKEN,
            "sa_id": sa_id,
            "scopes": granted,
            "token_sha256": secret_hash(secret),
            "at": self._runtime.now(),
        }
        account = []
        if sa_id not in self._access.accounts:
            own = [account_did(sa_id)] if actors is None else actors
            account = [self._account_record(sa_id, granted, own, pulls_for)]
        return await self._append([*account, Record(ENGINE_CONFIG, self._did, "LEARN", token)])

    async def _append(self, records: Sequence[Record]) -> str:
        """Append these records; return the id of the last."""
        last = ""
        for outcome in await self._ingest.append(list(records), together=True):
            if isinstance(outcome, SyncropelError):
                raise outcome
            last = outcome.stored.record.id
        return last


def _patterns(actors: Sequence[str] | None) -> list[str] | None:
    """These patterns of actors, without duplicates. Raises BadRequest when one is invalid."""
    if actors is None:
        return None
    bad = [one for one in actors if not is_name(one)]
    if bad:
        raise BadRequest(f"invalid actor pattern {bad[0]!r}", "for example did:sync:agent:*")
    if len(actors) > MAX_ACTORS:
        raise BadRequest(f"too many actors: {len(actors)}", f"at most {MAX_ACTORS}; use * in a pattern")
    return list(dict.fromkeys(actors))


def _granted(scopes: Sequence[str]) -> list[str]:
    """These scopes, in canonical order. Raises BadRequest when one is unknown or there is none."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise BadRequest(f"unknown scope {unknown[0]!r}", f"the scopes are: {', '.join(SCOPES)}")
    if not scopes:
        raise BadRequest("a service account needs a scope", f"the scopes are: {', '.join(SCOPES)}")
    return _listed(scopes)


def _namespace(scopes: Collection[str], pulls_for: str) -> str:
    """The namespace for which an account with these scopes fetches bundles. Raises BadRequest when a required
    one is missing, or one is given that is not needed; InvalidNamespace.
    """
    if PULLS not in scopes:
        if pulls_for:
            raise BadRequest(f"pulls_for goes with the scope {PULLS}", f"add it: --scope {PULLS}")
        return ""
    if not pulls_for:
        raise BadRequest(f"the scope {PULLS} needs a namespace to pull for", "name it: --pulls-for NS")
    parse_namespace(pulls_for, "pulls_for")
    return pulls_for


def _listed(scopes: Collection[str]) -> list[str]:
    return [scope for scope in SCOPES if scope in scopes]
