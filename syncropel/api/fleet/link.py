"""/v1/fleet/link: what a worker that is not connected to connects to, and answers through."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from syncropel.api.control.control import ControlRequest
from syncropel.api.fleet.fleet_views import find_instance
from syncropel.api.http.caller import Signed, writer
from syncropel.api.http.sse import EventStream, event_stream
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, Unavailable, WrongAuthor
from syncropel.peer.link.links import Caller
from syncropel.peer.link.protocol import MOST_WAIT_SECS, challenge
from syncropel.peer.link.report import Transport
from syncropel.wire import LinkAck, LinkAnswer, LinkTaken, Relinked

Protocol = Annotated[int, Query(ge=0, le=1_000_000, description="version of the link that the worker speaks")]
Incarnation = Annotated[
    str, Query(min_length=1, max_length=64, description="of the worker's process, random at its start")
]
Nonce = Annotated[
    str, Query(min_length=16, max_length=64, description="random; the coordinator's proof is over it")
]
Wait = Annotated[
    float | None,
    Query(gt=0, le=MOST_WAIT_SECS, description="seconds to wait for one frame, which ends the answer"),
]
LinkId = Annotated[str, Query(max_length=64, description="of the link that is polled; empty: a new one")]

_NEVER_KEPT: Final = {"cache-control": "no-store"}


def router(engine: Engine) -> APIRouter:
    """The routes of links."""
    routes = APIRouter(tags=["fleet"])

    def caller_of(request: Request) -> str:
        """The worker that calls, by its own credential. Raises Conflict, WrongAuthor."""
        if engine.settings.role == "worker":
            raise Conflict(
                "this instance is a worker and takes no links",
                f"connect to its coordinator: {engine.settings.fleet.coordinator_url}",
            )
        author = writer(request.scope)
        if author.author != "instance":
            raise WrongAuthor(
                "only a worker with a credential of its own is linked",
                "give it one: spl fleet start",
            )
        return author.did

    @routes.get("/v1/fleet/link", response_class=EventStream)
    async def link(
        request: Request,
        protocol: Protocol,
        incarnation: Incarnation,
        nonce: Nonce,
        wait: Wait = None,
        link: LinkId = "",
    ) -> Response:
        """Server-sent events: what the coordinator has to say to the worker that calls: `hello`, `records`,
        `ask`, `ping`, `bye`. With `wait` only the next one.
        """
        did = caller_of(request)
        if engine.stopping:
            raise Unavailable("the daemon is stopping", "connect again after the restart")
        if wait is not None and link:
            held = engine.links.polled(did, link)
        else:
            sha256 = engine.ingest.live.credentials.known[did].sha256
            transport: Transport = "stream" if wait is None else "poll"
            caller = Caller(did, sha256, incarnation, protocol, transport)
            held = engine.links.open(caller, partial(_prove, did, nonce))
        if wait is None:
            return event_stream(engine, engine.links.stream(held))
        # An answer with a length, which a proxy that buffers passes on as a whole.
        frame = await engine.links.poll(held, wait)
        return Response(frame, headers=_NEVER_KEPT, media_type=EventStream.media_type)

    def _prove(did: str, nonce: str, link_id: str) -> str:
        return engine.keyring.prove_to(did, challenge(nonce, did, link_id))

    @routes.post("/v1/fleet/link/acks")
    async def acknowledge(body: LinkAck, request: Request) -> LinkTaken:
        """The worker that calls has written the records of a frame."""
        said = body.outcomes if body.refusal is None else (body.status, body.refusal)
        engine.links.acknowledge(caller_of(request), body.link, body.n, said)
        return LinkTaken(n=body.n)

    @routes.post("/v1/fleet/link/answers")
    async def answer(body: LinkAnswer, request: Request) -> LinkTaken:
        """The worker that calls answers a request that came through its link."""
        engine.links.answer(caller_of(request), body.link, body.n, body.status, body.body)
        return LinkTaken(n=body.n)

    @routes.post("/v1/fleet/instances/{name}/relink")
    async def relink(name: str, body: ControlRequest, sign: Signed) -> Relinked:
        """Let an instance link again that was refused because two processes presented its credential."""
        sign(body.actor)
        instance = find_instance(engine, name)
        if not engine.links.forgive(instance.did):
            raise Conflict(f"the link of {name!r} is not refused", f"see it: spl fleet show {name}")
        return Relinked(did=instance.did, alias=instance.alias)

    return routes
