"""/v1/leader: who leads the fleet, and how that changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field

from syncropel.api.control.control import ControlRequest
from syncropel.api.fleet.leader_views import leader_out
from syncropel.api.http.caller import Signed, writer
from syncropel.engine.engine import Engine
from syncropel.errors import InvalidRecord, WrongAuthor
from syncropel.folds.fleet.leadership import GONE, HIGHEST_TERM, read_claim
from syncropel.settings.keyring import bearer_hash
from syncropel.wire import LeaderOut, LeadingTold


class Taking(ControlRequest):
    """POST /v1/leader/take"""

    at_least: int = Field(
        default=0,
        ge=0,
        le=HIGHEST_TERM,
        description="the lowest term to begin; 0: the one after the highest that is known of here",
    )


class Forgetting(ControlRequest):
    """POST /v1/leader/forget-former"""


def router(engine: Engine) -> APIRouter:
    """The routes of the leader."""
    routes = APIRouter(tags=["fleet"])

    @routes.get("/v1/leader")
    async def show(request: Request, nonce: Annotated[str, Query(max_length=128)] = "") -> LeaderOut:
        """Who leads, and in which term, as this instance knows it.

        To an instance of its fleet that sends a `nonce`, this instance identifies itself by its answer to it.
        """
        author, identity = writer(request.scope), ""
        if nonce and author.author == "instance":
            ours = bearer_hash(engine.keyring.towards(author.did))
            identity = engine.keyring.answer_to(nonce, ours)
        return leader_out(engine, identity)

    @routes.post("/v1/leader/take", status_code=201)
    async def take(body: Taking, sign: Signed) -> LeaderOut:
        """Begin a term of this instance: its operator says that it leads from now on. It changes nothing when
        it leads already.
        """
        await engine.leading.claim(body.at_least, by=sign(body.actor))
        return leader_out(engine)

    @routes.post("/v1/leader/announce")
    async def announce(claim: LeadingTold, request: Request) -> LeaderOut:
        """Told by an instance that leads in this one's place. It counts with a proof that its operator
        promoted it, and in a higher term.
        """
        author = writer(request.scope)
        if author.author != "instance" or author.did != claim.did:
            raise WrongAuthor(
                "only the instance itself announces that it leads, by its own credential",
                "promote a worker on its machine: spl fleet promote WORKER",
            )
        read = read_claim(claim.model_dump())
        if read is None:
            raise InvalidRecord("term must be above 1, and did name an instance", "see: spl leader show")
        await engine.leading.take(read)
        return leader_out(engine)

    @routes.post("/v1/leader/forget-former", status_code=201)
    async def forget(body: Forgetting, sign: Signed) -> LeaderOut:
        """Say that the former coordinator is gone for good: the fleet no longer counts as split."""
        await engine.leading.note_told(GONE, by=sign(body.actor))
        return leader_out(engine)

    return routes
