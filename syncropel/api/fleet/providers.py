"""/v1/fleet/providers: which providers are paused; pause and resume one by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from syncropel.api.control.control import ControlRequest
from syncropel.api.http.caller import Signed
from syncropel.engine.control.pauser import MOST_BY_HAND_SECS
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict
from syncropel.wire import Page, PauseOut, ProviderChanged

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)]


class PauseRequest(ControlRequest):
    """POST /v1/fleet/providers/{name}/pause"""

    secs: float = Field(gt=0, le=MOST_BY_HAND_SECS, description="how long, from now")
    reason: str = Field(default="", max_length=2048, description="why; shown to others")


def router(engine: Engine) -> APIRouter:
    """The routes of providers."""
    routes = APIRouter(tags=["control"])

    def here() -> None:
        if engine.settings.role == "worker":
            raise Conflict(
                "a provider is paused at the coordinator",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )

    @routes.get("/v1/fleet/providers")
    async def list_paused() -> Page[PauseOut]:
        """The providers that are paused now, and until when."""
        here()
        return Page(data=[PauseOut(**one) for one in engine.providers.told()])

    @routes.post("/v1/fleet/providers/{name}/pause", status_code=201)
    async def pause(name: Name, body: PauseRequest, sign: Signed) -> ProviderChanged:
        """Start no goal on this provider for so long. What runs goes on."""
        here()
        written = await engine.providers.pauser.pause(
            name, secs=body.secs, reason=body.reason, actor=sign(body.actor)
        )
        (now,) = [one for one in engine.providers.told() if one["provider"] == name]
        return ProviderChanged(provider=name, until=now["until"], record=written.record.id, told=now["told"])

    @routes.post("/v1/fleet/providers/{name}/resume", status_code=201)
    async def resume(name: Name, body: ControlRequest, sign: Signed) -> ProviderChanged:
        """Start goals on this provider again."""
        here()
        written = await engine.providers.pauser.resume(name, actor=sign(body.actor))
        told = f"provider {name} takes new goals again"
        return ProviderChanged(provider=name, until=0.0, record=written.record.id, told=told)

    return routes
