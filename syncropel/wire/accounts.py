"""Service accounts and tokens, and the web pages that may call."""

from __future__ import annotations

from typing import Annotated, Literal

from syncropel.wire.base import OPEN, Wire


class MintedToken(Wire):
    """A new service account or token. `token` is shown this once and never again; `id` names it."""

    id: str = ""
    sa_id: str
    scopes: list[str]
    token: str


class WhoAmI(Wire):
    """GET /v1/whoami. `kind` is operator, service_account, goal, or anybody where no token is asked for."""

    kind: str
    name: str
    scopes: list[str]


class ServiceAccount(Wire):
    """GET /v1/service-accounts. `allowed_actors`: patterns of whom it may write as; null for one that was
    made before accounts had them, and may write as any but an instance. `pulls_for`: the namespace for which
    it takes bundles with the scope `federation:read`."""

    sa_id: str
    scopes: list[str]
    allowed_actors: list[str] | None = None
    pulls_for: str = ""
    tokens: int
    at: float


class ApiToken(Wire):
    """GET /v1/tokens, without its secret. `scopes` are those that its account had when it was made,
    `allowed_actors` what its account has now."""

    id: str
    sa_id: str
    scopes: list[str]
    allowed_actors: list[str] | None = None
    state: Annotated[Literal["active", "revoked"], OPEN]
    at: float


class CorsOrigins(Wire):
    """GET and PUT /v1/config/cors"""

    origins: list[str]
