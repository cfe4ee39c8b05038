"""/v1/service-accounts and /v1/tokens: mint, list, revoke; /v1/whoami.

A secret is in the answer once, and nowhere else.
"""

from __future__ import annotations

import asyncio
from typing import Final, Literal

from fastapi import APIRouter, Request
from pydantic import Field

from syncropel.api.http.caller import NOT_OPERATOR, OPERATOR, caller
from syncropel.api.http.request_body import RequestBody
from syncropel.engine.control.accounts import Minted, is_fleet_account
from syncropel.engine.engine import Engine
from syncropel.folds.control.access import Access, Account, Token
from syncropel.wire import ApiToken, MintedToken, Page, ServiceAccount, WhoAmI

_PULLS_FOR: Final = "with federation:read: the namespace for which it takes bundles"


class NewAccount(RequestBody):
    """POST /v1/service-accounts"""

    sa_id: str
    scopes: list[str]
    allowed_actors: list[str] | None = Field(
        default=None, description="actors that it may write as; * stands for any text; by default only itself"
    )
    pulls_for: str | None = Field(default=None, description=_PULLS_FOR)


class NewGrants(RequestBody):
    """PUT /v1/service-accounts/{sa_id}: omitted fields stay unchanged."""

    scopes: list[str] | None = None
    allowed_actors: list[str] | None = None
    pulls_for: str | None = Field(default=None, description=_PULLS_FOR)


class NewToken(RequestBody):
    """POST /v1/tokens"""

    sa_id: str


class Revocation(RequestBody):
    """POST /v1/tokens/{token_id}/revoke. `reason` is recorded in the log."""

    reason: str = Field(default="", max_length=2000)


def router(engine: Engine) -> APIRouter:
    """The routes of service accounts."""
    routes = APIRouter(tags=["service accounts"])
    one_at_a_time = asyncio.Lock()

    @routes.post("/v1/bootstrap/service-account", status_code=201)
    @routes.post("/v1/service-accounts", status_code=201)
    async def mint(body: NewAccount) -> MintedToken:
        """Create a service account with one token."""
        async with one_at_a_time:
            made = await engine.accounts.mint(body.sa_id, body.scopes, body.allowed_actors, body.pulls_for)
        return _minted(body.sa_id, made)

    @routes.post("/v1/tokens", status_code=201)
    async def mint_token(body: NewToken) -> MintedToken:
        """Mint another token for an account, with its current scopes."""
        async with one_at_a_time:
            return _minted(body.sa_id, await engine.accounts.another(body.sa_id))

    @routes.get("/v1/tokens")
    async def list_tokens() -> Page[ApiToken]:
        """Every token ever minted, without its secret, oldest first."""
        access = engine.ingest.live.access
        return Page(data=[_token(one, access) for one in access.tokens.values()])

    @routes.post("/v1/tokens/{token_id}/revoke")
    async def revoke(token_id: str, body: Revocation) -> ApiToken:
        """Revoke a token for good; `token_id` is its id, or the first digits of it."""
        async with one_at_a_time:
            token = await engine.accounts.revoke(token_id, body.reason)
        return _token(token, engine.ingest.live.access)

    @routes.put("/v1/service-accounts/{sa_id}")
    async def grant(sa_id: str, body: NewGrants) -> ServiceAccount:
        """Change what an account's new tokens may do, and whom all of its tokens may write as from now on."""
        async with one_at_a_time:
            account = await engine.accounts.grant(sa_id, body.scopes, body.allowed_actors, body.pulls_for)
        return _account(account, engine.ingest.live.access)

    @routes.get("/v1/whoami")
    async def whoami(request: Request) -> WhoAmI:
        """The caller and its scopes; requires no scope."""
        token = caller(request.scope)
        if (who := request.scope.get(NOT_OPERATOR)) is not None and token is not None:
            return WhoAmI(kind="goal", name=who.thread or f"PID {who.pid}", scopes=sorted(token.scopes))
        if token is not None:
            return WhoAmI(kind="service_account", name=token.sa_id, scopes=sorted(token.scopes))
        if request.scope.get(OPERATOR):
            return WhoAmI(kind="operator", name="operator", scopes=["admin"])
        return WhoAmI(kind="anybody", name="anybody on this machine", scopes=["admin"])

    @routes.get("/v1/service-accounts")
    async def list_accounts() -> Page[ServiceAccount]:
        """Every service account, without secrets."""
        access = engine.ingest.live.access
        accounts = sorted(access.accounts.values(), key=lambda one: one.sa_id)
        return Page(data=[_account(one, access) for one in accounts])

    return routes


def _minted(sa_id: str, made: Minted) -> MintedToken:
    return MintedToken(id=made.id, sa_id=sa_id, scopes=list(made.scopes), token=made.bearer)


def _account(account: Account, access: Access) -> ServiceAccount:
    own = (sha256 for sha256, token in access.tokens.items() if token.sa_id == account.sa_id)
    tokens = sum(sha256 not in access.revoked for sha256 in own)
    return ServiceAccount(
        sa_id=account.sa_id,
        scopes=sorted(account.scopes),
        allowed_actors=_actors(account),
        pulls_for=account.pulls_for,
        tokens=tokens,
        at=account.at,
    )


def _actors(account: Account | None) -> list[str] | None:
    if account is not None and is_fleet_account(account.sa_id):
        return []  # which instance it may speak for is stated for instances, not for accounts
    return list(account.actors) if account is not None and account.actors is not None else None


def _token(token: Token, access: Access) -> ApiToken:
    state: Literal["active", "revoked"] = "revoked" if token.sha256 in access.revoked else "active"
    return ApiToken(
        id=token.id,
        sa_id=token.sa_id,
        scopes=sorted(token.scopes),
        allowed_actors=_actors(access.accounts.get(token.sa_id)),
        state=state,
        at=token.at,
    )
