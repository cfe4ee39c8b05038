"""Who may call: service accounts, tokens, and web origins, as LEARN records on the config thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.errors import BadRequest
from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import ENGINE_CONFIG
from syncropel.wire.origins import parse_origins

SERVICE_ACCOUNT: Final = "service_account"
API_TOKEN: Final = "api_token"
TOKEN_REVOKED: Final = "api_token_revoked"
CORS_ORIGINS: Final = "auth_cors_origins"

SCOPES: Final = (
    "records:read",
    "records:write",
    "threads:write",
    "fleet:write",
    "config:read",
    "config:write",
    "federation:read",
    "output:read",
    "agents:answer",
    "agents:say",
    "tasks:review",
    "repo:write",
    "metrics:read",
    "admin",
)
"""All scopes. `admin` implies all others, and `records:read` implies `federation:read` and `metrics:read`."""
PULLS: Final = "federation:read"
"""Allows only fetching bundles of what may be shared with the account's namespace."""
READS_OUTPUT: Final = "output:read"
"""Needed to read the output of goals; no other scope but `admin` implies it, since a goal may
write anything."""
ANSWERS: Final = "agents:answer"
"""Needed to answer what agents ask. No other scope but `admin` implies it."""
SAYS: Final = "agents:say"
"""Needed to say something to a running agent. No other scope but `admin` implies it."""
REVIEWS: Final = "tasks:review"
"""Needed to approve and reject finished attempts. No other scope but `admin` implies it."""
MERGES: Final = "repo:write"
"""Needed to have branches merged, and to say which files of a repository may run; only `admin` implies it."""

MEASURES: Final = "metrics:read"
"""Allows only reading counters: what a scraper's token needs. `records:read` implies it."""

ACCOUNT_DID_PREFIX: Final = "did:sync:service:"


def account_did(sa_id: str) -> str:
    """The DID of a service account."""
    return f"{ACCOUNT_DID_PREFIX}{sa_id}"


@dataclass(frozen=True, slots=True)
class Account:
    """A service account. `actors`: patterns of the actors that it may write as; None for one from before
    accounts had them, which may write as any but an instance. `pulls_for`: the namespace for which it fetches
    bundles with `federation:read`.
    """

    sa_id: str
    scopes: frozenset[str]
    at: float
    actors: tuple[str, ...] | None = None
    pulls_for: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, known only by the SHA-256 of its secret; its scopes are a snapshot of its account's.

    `id` is the record that minted it.
    """

    sa_id: str
    sha256: str
    scopes: frozenset[str]
    id: str
    at: float


def _actors(body: dict[str, Any]) -> tuple[str, ...] | None:
    if "allowed_actors" not in body:
        return None
    listed = body["allowed_actors"]
    return tuple(one for one in listed if isinstance(one, str)) if isinstance(listed, list) else ()


@dataclass(slots=True)
class Access:
    """Accounts by id and tokens by hash."""

    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    origins: tuple[str, ...] = ()
    """Whose pages may call from a browser; each record contains the whole list."""
    origins_set: Key = NEVER

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != ENGINE_CONFIG or record.act != "LEARN":
            return
        sa_id, sha256 = body.get("sa_id"), body.get("token_sha256")
        scopes = body.get("scopes")
        granted = frozenset(scope for scope in SCOPES if isinstance(scopes, list) and scope in scopes)
        if record.topic == SERVICE_ACCOUNT and isinstance(sa_id, str):
            pulls_for = body.get("pulls_for")
            self.accounts[sa_id] = Account(
                sa_id,
                granted,
                number(body.get("at")),
                _actors(body),
                pulls_for if isinstance(pulls_for, str) else "",
            )
        elif record.topic == API_TOKEN and isinstance(sa_id, str) and isinstance(sha256, str):
            self.tokens[sha256] = Token(sa_id, sha256, granted, record.id, number(body.get("at")))
        elif record.topic == TOKEN_REVOKED and isinstance(sha256, str):
            self.revoked.add(sha256)
        elif record.topic == CORS_ORIGINS:
            self._set_origins(body.get("origins"), word_key(record))

    def _set_origins(self, origins: object, key: Key) -> None:
        if not isinstance(origins, list) or key <= self.origins_set:
            return
        try:
            self.origins = parse_origins(origins)
        except BadRequest:
            return  # new ones are refused; in a foreign log they have no effect
        self.origins_set = key

    def token(self, sha256: str) -> Token | None:
        """The valid token with this hash."""
        return None if sha256 in self.revoked else self.tokens.get(sha256)

    def allows(self, token: Token, scope: str) -> bool:
        return scope in token.scopes or "admin" in token.scopes
