"""Which web pages may call: /v1/config/cors, and the headers by which a browser allows them."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from pydantic import Field
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel.api.http.caller import OF_ACTOR, OPERATOR, Signed
from syncropel.api.http.request_body import RequestBody
from syncropel.engine.engine import Engine
from syncropel.wire import CorsOrigins

PREFLIGHT_SECS: Final = 600
"""How long a browser may cache a preflight; a removed origin is still refused at once, since its next
response lacks the header.
"""
METHODS: Final = ("GET", "HEAD", "POST", "PUT")
HEADERS: Final = ("authorization", "content-type", "last-event-id")


class NewOrigins(RequestBody):
    """PUT /v1/config/cors: the whole list; an empty one allows no page of another origin."""

    origins: list[str]
    actor: str = Field(default="", min_length=1, max_length=512, description=OF_ACTOR)


def router(engine: Engine) -> APIRouter:
    """The routes of the list of origins."""
    routes = APIRouter(tags=["config"])

    @routes.get("/v1/config/cors")
    async def get_origins() -> CorsOrigins:
        """The origins whose pages may call this instance from a browser."""
        return CorsOrigins(origins=list(engine.ingest.live.access.origins))

    @routes.put("/v1/config/cors")
    async def put_origins(body: NewOrigins, sign: Signed) -> CorsOrigins:
        """Set the whole list; it applies from the next request on."""
        body.actor = sign(body.actor)
        await engine.control.configuration.set_origins(body.origins, body.actor)
        return CorsOrigins(origins=list(engine.ingest.live.access.origins))

    return routes


class Cors:
    """Answers preflights and adds the headers for the currently listed origins.

    It comes before auth, because a preflight has no token, and a page must be able to read a refusal.
    """

    def __init__(self, app: ASGIApp, engine: Engine) -> None:
        self._app = app
        self._engine = engine
        self._origins: tuple[str, ...] = ()
        self._listed: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get(OPERATOR):
            await self._app(scope, receive, send)
            return
        origins = self._engine.ingest.live.access.origins
        if origins != self._origins:
            self._listed = self._for(origins)
            self._origins = origins
        await self._listed(scope, receive, send)

    def _for(self, origins: tuple[str, ...]) -> ASGIApp:
        if not origins:
            return self._app
        return CORSMiddleware(
            self._app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=HEADERS,
            max_age=PREFLIGHT_SECS,
        )
