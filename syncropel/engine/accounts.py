"""Minting service accounts and tokens. Only the SHA-256 of a secret ever reaches the log."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from typing import Final

from syncropel.engine.ingest import Ingest
from syncropel.errors import BadRequest, Conflict, SyncropelError
from syncropel.folds.access import API_TOKEN, SCOPES, SERVICE_ACCOUNT, Access, Token
from syncropel.record import Record
from syncropel.threads import ENGINE_CONFIG

log = logging.getLogger("syncropel.engine.accounts")

ENVIRONMENT: Final = "prod"
BOOTSTRAP_ACCOUNT: Final = "sa-bootstrap-env"
FLEET_SCOPES: Final = ("records:read", "records:write", "threads:write", "fleet:write", "config:read")
_ACCOUNT_ID: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_SECRET: Final = re.compile(r"[!-~]{16,256}")


def secret_hash(secret: str) -> str:
    """SHA-256 of a secret, hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def split_bearer(bearer: str) -> tuple[str, str] | None:
    """Account id and secret of `spl_<env>_<sa>_<secret>`, or None when it has another shape."""
    parts = bearer.split("_", 3)
    if len(parts) != 4 or parts[0] != "spl":
        return None
    return parts[2], parts[3]


def find_token(access: Access, bearer: str) -> Token | None:
    """The valid token that this bearer string stands for.

    The look-up is by the hash of the secret, so its timing tells nothing of any stored secret.
    """
    split = split_bearer(bearer)
    if split is None:
        return None
    token = access.token(secret_hash(split[1]))
    if token is None or not hmac.compare_digest(token.sa_id.encode(), split[0].encode()):
        return None
    return token


class Accounts:
    """Writes service accounts and tokens to the engine's config thread."""

    def __init__(self, ingest: Ingest, did: str, now: float) -> None:
        self._ingest = ingest
        self._did = did
        self._now = now

    async def mint(self, sa_id: str, scopes: Sequence[str]) -> str:
        """Make a service account with one token; gives the bearer string, which is kept nowhere.

        Raises BadRequest for a bad id or an unknown scope, Conflict when the account exists.
        """
        if not _ACCOUNT_ID.fullmatch(sa_id):
            raise BadRequest(
                f"{sa_id!r} is no service account id",
                "lower-case letters, digits, dots and dashes, at most 63",
            )
        if unknown := sorted(set(scopes) - set(SCOPES)):
            raise BadRequest(f"unknown scope {unknown[0]!r}", f"the scopes are: {', '.join(SCOPES)}")
        if not scopes:
            raise BadRequest("a service account needs a scope", f"the scopes are: {', '.join(SCOPES)}")
        if sa_id in self._ingest.live.access.accounts:
            raise Conflict(f"the service account {sa_id} exists", "choose another id")
        secret = secrets.token_hex(24)
        await self._write(sa_id, scopes, secret)
        return f"spl_{ENVIRONMENT}_{sa_id}_{secret}"

    async def accept(self, bearer: str, scopes: Sequence[str]) -> None:
        """Make this bearer string valid here, if it is not. Raises BadRequest when it has no such shape."""
        split = split_bearer(bearer)
        if split is None or not _SECRET.fullmatch(split[1]):
            raise BadRequest("the token is not of the form spl_<env>_<account>_<secret>", "mint a new one")
        if find_token(self._ingest.live.access, bearer) is None:
            await self._write(split[0], scopes, split[1])

    async def bootstrap(self, secret: str) -> bool:
        """Mint the first admin account from an operator's secret; gives whether that was done.

        Nothing happens when there is an account already, or when the secret is not 16 to 256 printable
        ASCII characters.
        """
        if self._ingest.live.access.accounts:
            return False
        if not _SECRET.fullmatch(secret):
            log.warning("SPL_BOOTSTRAP_TOKEN is not 16 to 256 printable ASCII characters; no account is made")
            return False
        await self._write(BOOTSTRAP_ACCOUNT, ["admin"], secret)
        return True

    async def _write(self, sa_id: str, scopes: Sequence[str], secret: str) -> None:
        granted = [scope for scope in SCOPES if scope in scopes]
        account = {"topic": SERVICE_ACCOUNT, "sa_id": sa_id, "scopes": granted, "at": self._now}
        token = {
            "topic": API_TOKEN,
            "sa_id": sa_id,
            "scopes": granted,
            "token_sha256": secret_hash(secret),
            "at": self._now,
        }
        bodies = [token] if sa_id in self._ingest.live.access.accounts else [account, token]
        for outcome in await self._ingest.append(
            [Record(ENGINE_CONFIG, self._did, "LEARN", body) for body in bodies]
        ):
            if isinstance(outcome, SyncropelError):
                raise outcome
