"""/v1/actors: everyone who wrote in this log, or is registered."""

from __future__ import annotations

from fastapi import APIRouter, Request

from syncropel.api.http.reading import refusal_to_read_thread
from syncropel.engine.engine import Engine
from syncropel.folds.base.order import fold_order
from syncropel.folds.threads.actors import RegisteredActor, registered_actors
from syncropel.folds.threads.index import ActorLine
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
        return Page(data=_rows(live.index.actors, known, live.names()))

    return routes


def _rows(
    lines: dict[str, ActorLine], known: dict[str, RegisteredActor], names: dict[str, str]
) -> list[ActorOut]:
    return [
        ActorOut(
            actor=actor,
            alias=names.get(actor, ""),
            name=known.get(actor, RegisteredActor()).name,
            category=known.get(actor, RegisteredActor()).category,
            status=known.get(actor, RegisteredActor()).status,
            registered=actor in known,
            threads=lines[actor].threads if actor in lines else 0,
            last_activity=lines[actor].last_activity if actor in lines else None,
        )
        for actor in sorted(lines.keys() | known.keys())
    ]
