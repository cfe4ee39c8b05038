"""/v1/trust: whose results were accepted, and how often."""

from __future__ import annotations

from fastapi import APIRouter

from syncropel.engine.engine import Engine
from syncropel.wire.base import Page
from syncropel.wire.trust import TrustOut


def router(engine: Engine) -> APIRouter:
    """The route of trust."""
    routes = APIRouter(tags=["trust"])

    @routes.get("/v1/trust")
    async def list_trust() -> Page[TrustOut]:
        """Everyone who reported results of a fan-out or whose work others judged, most trusted first."""
        live = engine.ingest.live
        names = live.names()
        rows = [
            TrustOut(
                actor=actor,
                alias=names.get(actor, ""),
                score=round(trust.score, 4),
                results=trust.results,
                accepted=trust.accepted,
                own=trust.own,
            )
            for actor, trust in live.counts().scores().items()
        ]
        return Page(data=sorted(rows, key=lambda row: (-row.score, row.actor)))

    return routes
