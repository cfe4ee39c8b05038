"""Service accounts and tokens, and the web origins that may call."""

from __future__ import annotations

from typing import Annotated, Literal

from syncropel.wire.base import OPEN, Wire


class MintedToken(Wire):
    """A new service account or token. `token` is shown only this once; `id` names it."""

    id: str = ""
    sa_id: str
    scopes: list[str]
    token: str


class WhoAmI(Wire):
    """GET /v1/whoami. `kind` is operator, service_account, goal, or anybody where no token is required."""

    kind: str
    name: str
    scopes: list[str]


class ServiceAccount(Wire):
    """GET /v1/service-accounts. `allowed_actors`: patterns of the actors it may write as; null for one from
    before accounts had them, which may write as any but an instance. `pulls_for`: the namespace for which it
    fetches bundles with the scope `federation:read`.
    """

    sa_id: str
    scopes: list[str]
    allowed_actors: list[str] | None = None
    pulls_for: str = ""
    tokens: int
    at: float


class ApiToken(Wire):
    """GET /v1/tokens, without its secret. `scopes` are those of its account when it was minted,
    `allowed_actors` the account's current ones.
    """

    id: str
    sa_id: str
    scopes: list[str]
    allowed_actors: list[str] | None = None
    state: Annotated[Literal["active", "revoked"], OPEN]
    at: float


class CorsOrigins(Wire):
    """GET and PUT /v1/config/cors"""

    origins: list[str]
