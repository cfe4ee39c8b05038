"""/v1/service-accounts: mint and list; /v1/whoami. The secret is in the answer once, and nowhere else."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from syncropel.api.caller import OPERATOR, caller
from syncropel.api.schema import MintedToken, Page, ServiceAccount, WhoAmI
from syncropel.engine.engine import Engine


class NewAccount(BaseModel):
    """POST /v1/service-accounts"""

    model_config = ConfigDict(extra="forbid")

    sa_id: str
    scopes: list[str]


def router(engine: Engine) -> APIRouter:
    """The routes of service accounts."""
    routes = APIRouter(tags=["service accounts"])
    one_at_a_time = asyncio.Lock()

    @routes.post("/v1/bootstrap/service-account", status_code=201)
    @routes.post("/v1/service-accounts", status_code=201)
    async def mint(body: NewAccount) -> MintedToken:
        """Make a service account with one token."""
        async with one_at_a_time:
            token = await engine.accounts().mint(body.sa_id, body.scopes)
        return MintedToken(sa_id=body.sa_id, scopes=body.scopes, token=token)

    @routes.get("/v1/whoami")
    async def whoami(request: Request) -> WhoAmI:
        """The caller and its scopes; needs none of them."""
        token = caller(request.scope)
        if token is not None:
            return WhoAmI(kind="service_account", name=token.sa_id, scopes=sorted(token.scopes))
        if request.scope.get(OPERATOR):
            return WhoAmI(kind="operator", name="operator", scopes=["admin"])
        return WhoAmI(kind="anybody", name="anybody on this machine", scopes=["admin"])

    @routes.get("/v1/service-accounts")
    async def list_accounts() -> Page[ServiceAccount]:
        """Every service account, without secrets."""
        access = engine.ingest.live.access
        rows = [
            ServiceAccount(
                sa_id=account.sa_id,
                scopes=sorted(account.scopes),
                tokens=sum(
                    token.sa_id == account.sa_id
                    for sha256, token in access.tokens.items()
                    if sha256 not in access.revoked
                ),
                at=account.at,
            )
            for account in sorted(access.accounts.values(), key=lambda one: one.sa_id)
        ]
        return Page(data=rows)

    return routes
