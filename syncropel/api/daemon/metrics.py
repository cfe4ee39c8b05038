"""/metrics: what this daemon counts and measures, for Prometheus."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from syncropel.api.http.counted import RequestCounts
from syncropel.api.http.tally import Tally
from syncropel.engine.engine import Engine
from syncropel.errors import SyncropelError

if TYPE_CHECKING:
    from syncropel.api.daemon.exposition import Exposition

METRICS: Final = "/metrics"
_DESCRIBED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Samples in the text format of Prometheus, or of OpenMetrics where that is accepted",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class MissingExtra(SyncropelError):
    """A library that this needs is not installed where the daemon runs."""

    code = "NOT_INSTALLED"
    status = 501


def router(engine: Engine, tally: Tally, requests: RequestCounts) -> APIRouter:
    """The route of metrics."""
    routes = APIRouter(tags=["health"])
    made: list[Exposition] = []

    @routes.get(METRICS, response_class=Response, responses=_DESCRIBED)
    async def metrics(request: Request) -> Response:
        """Counters and gauges of this daemon. Needs the extra `metrics` where it runs."""
        if not made:
            made.append(_exposition(engine, tally, requests))
        content, content_type = await made[0].answer(request.headers.get("accept", ""))
        return Response(content, media_type=content_type)

    return routes


def _exposition(engine: Engine, tally: Tally, requests: RequestCounts) -> Exposition:
    if find_spec("prometheus_client") is None:
        raise MissingExtra(
            "metrics need the package prometheus-client, which is not installed where this daemon runs",
            "install it there and restart the daemon: pip install 'syncropel-console[metrics]'",
        )
    from syncropel.api.daemon.exposition import Exposition

    return Exposition(engine, tally, requests)
