"""The HTTP application of one daemon."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel import __version__
from syncropel.api import accounts, control, fleet, health, records, tasks, threads
from syncropel.api.auth import Gate
from syncropel.api.errors import install_error_handlers
from syncropel.engine.engine import Engine


def create_app(engine: Engine) -> ASGIApp:
    """Everything behind the door: auth, the hot path of single records, and all other routes."""
    return Gate(_HotPath(create_routes(engine), records.PostRecord(engine)), engine)


def create_routes(engine: Engine) -> FastAPI:
    """The routes with their OpenAPI document."""
    app = FastAPI(
        title="Syncropel",
        version=__version__,
        description="Records in, folds out: the HTTP API of one daemon.",
        docs_url=None,
        redoc_url=None,
    )
    install_error_handlers(app)
    for resource in (health, records, threads, tasks, fleet, control, accounts):
        app.include_router(resource.router(engine))
    return app


class _HotPath:
    """Takes POST /v1/records out before routing: most requests of a busy daemon are this one."""

    def __init__(self, routes: ASGIApp, post_record: ASGIApp) -> None:
        self._routes = routes
        self._post_record = post_record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == "/v1/records"
        await (self._post_record if hot else self._routes)(scope, receive, send)
