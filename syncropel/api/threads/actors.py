"""/v1/actors: everyone who wrote in this log, or is registered."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.engine.engine import Engine
from syncropel.folds.base.order import fold_order
from syncropel.folds.threads.actors import RegisteredActor, registered_actors
from syncropel.folds.threads.index import ThreadLine
from syncropel.record.threads import ACTOR_REGISTRY
from syncropel.wire.actors import ActorOut
from syncropel.wire.base import Page


def router(engine: Engine) -> APIRouter:
    """The route of actors."""
    routes = APIRouter(tags=["threads"])

    @routes.get("/v1/actors")
    async def list_actors(request: Request) -> Page[ActorOut]:
        """Every actor, by DID: the registry's entry, and where it took part.

        The registry is omitted for a caller whom the permission rules keep from its thread.
        """
        known: dict[str, RegisteredActor] = {}
        if await refusal_to_read_thread(request.scope, engine, ACTOR_REGISTRY) is None:
            known = registered_actors(fold_order(await engine.store.thread(ACTOR_REGISTRY)))
        live = engine.ingest.live
        lines = list(live.index.threads.values())
        return Page(data=await asyncio.to_thread(_rows, lines, known, live.names()))

    return routes


def _rows(
    lines: list[ThreadLine], known: dict[str, RegisteredActor], names: dict[str, str]
) -> list[ActorOut]:
    threads: dict[str, int] = {}
    last: dict[str, float] = {}
    for line in lines:
        for actor in list(line.actors):
            threads[actor] = threads.get(actor, 0) + 1
            last[actor] = max(last.get(actor, 0.0), line.last_activity)
    return [
        ActorOut(
            actor=actor,
            alias=names.get(actor, ""),
            name=known.get(actor, RegisteredActor()).name,
            category=known.get(actor, RegisteredActor()).category,
            status=known.get(actor, RegisteredActor()).status,
            registered=actor in known,
            threads=threads.get(actor, 0),
            last_activity=last.get(actor),
        )
        for actor in sorted(threads.keys() | known.keys())
    ]
