"""The HTTP application of one daemon."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from syncropel import __version__
from syncropel.api import consents, inbox, output, questions, webhooks, worktrees
from syncropel.api.accounts import accounts
from syncropel.api.control import control
from syncropel.api.daemon import backups, health, log, metrics, store
from syncropel.api.fleet import dispatch, drain, fleet, joining, leader, link, providers
from syncropel.api.http import cors
from syncropel.api.http.auth import Gate
from syncropel.api.http.body import REQUEST_LIMIT, limited, read_once
from syncropel.api.http.counted import Counted, RequestCounts
from syncropel.api.http.errors import install_error_handlers
from syncropel.api.http.head import Head
from syncropel.api.http.linked import LinkedDoor
from syncropel.api.http.openapi import describe_errors_and_auth
from syncropel.api.http.refused_heartbeats import RefusedHeartbeats
from syncropel.api.http.tally import Tally
from syncropel.api.records import query, records
from syncropel.api.replay import explain, replay
from syncropel.api.replay.replays import Replays
from syncropel.api.rules import config, expr
from syncropel.api.tasks import amend, diagnose, merge, messages, reviews, tasks
from syncropel.api.threads import actors, bundles, threads, trust
from syncropel.engine.engine import Engine
from syncropel.logs.ring import LogRing


def create_app(engine: Engine, ring: LogRing | None = None, tally: Tally | None = None) -> ASGIApp:
    """The whole application: origins, auth, the hot path of single records, and all other routes.

    `ring` holds the log lines to serve; without one the log is empty. `tally`: connection counts for the
    health report.
    """
    tally = tally or Tally()
    requests = RequestCounts()
    routes = Head(_Limits(create_routes(engine, ring, tally, requests)))
    gate = Gate(routes, records.PostRecord(engine), engine, tally)
    engine.link.open_to(LinkedDoor(gate))
    return Counted(cors.Cors(RefusedHeartbeats(gate, engine), engine), requests)


def create_routes(
    engine: Engine,
    ring: LogRing | None = None,
    tally: Tally | None = None,
    requests: RequestCounts | None = None,
) -> FastAPI:
    """The routes with their OpenAPI document."""
    resources = (
        records,
        query,
        bundles,
        threads,  # their names contain slashes, so bundles, whose paths are longer, come before them
        tasks,
        output,
        questions,
        inbox,
        webhooks,
        worktrees,
        amend,
        merge,
        messages,
        reviews,
        trust,
        actors,
        fleet,
        leader,
        joining,
        link,
        control,
        consents,
        diagnose,
        dispatch,
        drain,
        providers,
        accounts,
        config,
        cors,
        expr,
    )
    replays, tally = Replays(engine), tally or Tally()
    routers = [
        replay.router(engine, replays),  # before the threads, whose names contain slashes
        explain.router(engine, replays),
        health.router(engine, tally),
        metrics.router(engine, tally, requests or RequestCounts()),
        store.router(engine),
        backups.router(engine),
        *(resource.router(engine) for resource in resources),
        log.router(engine, ring or LogRing()),
    ]
    # Not included as a router: that would cost every route twice, at the start and at each request.
    app = FastAPI(
        title="Syncropel",
        version=__version__,
        description="Records in, folds out: the HTTP API of one daemon.",
        routes=[route for router in routers for route in router.routes],
        openapi_url=None,  # served by `describe_errors_and_auth`
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    install_error_handlers(app, app.routes)
    describe_errors_and_auth(app)
    return app


_LIMITS: Final = {
    "/v1/records/batch": records.BATCH_LIMIT,
    "/v1/records/query": query.QUERY_LIMIT,
    "/v1/threads/restore": bundles.RESTORE_LIMIT,
}
"""Longest body in bytes where that is not one record's. These routes read the body themselves."""
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class _Limits:
    """Enforces the size limit and unique keys for every body, except that of `PostRecord`."""

    def __init__(self, routes: ASGIApp) -> None:
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in _WITHOUT_BODY:
            path = scope["path"]
            if path in _LIMITS:
                receive = limited(scope, receive, _LIMITS[path])
            else:
                receive = await read_once(scope, receive, REQUEST_LIMIT)
        await self._routes(scope, receive, send)
