"""/v1/store: whether the log is complete, and how an operator continues without lost records."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.http.request_body import RequestBody
from syncropel.engine.engine import Engine
from syncropel.engine.log_state import log_state
from syncropel.store.sqlite.store import SqliteStore
from syncropel.wire import AlteredOut, StoreLoss, StoreOut


class Accepted(RequestBody):
    """`reason`: why, for the daemon's log."""

    reason: str = Field(default="", max_length=1000)


class AcceptedRecord(Accepted):
    """`record`: the id of one in quarantine."""

    record: str = Field(max_length=64)


def router(engine: Engine) -> APIRouter:
    """The routes of the store."""
    routes = APIRouter(tags=["health"])

    @routes.get("/v1/store")
    async def get_store() -> StoreOut:
        """The log's state, its id and digest, and the records that it is known to have lost."""
        return described(engine)

    @routes.post("/v1/store/accept-loss")
    async def accept_loss(body: Accepted) -> StoreOut:
        """Continue with a held log: the records that it lacks are given up, and recorded as lost."""
        await engine.held_log.accept_loss(body.reason)
        return described(engine)

    @routes.post("/v1/store/accept-altered")
    async def accept_altered(body: AcceptedRecord) -> StoreOut:
        """Accept an altered record in its current form; its thread takes part again."""
        await engine.quarantine.accept(body.record, body.reason)
        engine.fan_outs.reconciler.mark_all()
        engine.dispatcher.enforce()
        return described(engine)

    return routes


def described(engine: Engine) -> StoreOut:
    """What is known of the log."""
    store = engine.store
    quarantine, views = engine.quarantine, engine.projector.views
    found = sorted(quarantine.found.values(), key=lambda one: one.sequence)
    state = log_state(engine)
    told = StoreOut(
        state=state.state,
        problem=state.problem,
        hint=state.hint,
        records=store.count,
        altered=[AlteredOut(id=one.id, thread=one.thread, sequence=one.sequence) for one in found],
        checked=quarantine.looked_at,
        walks=quarantine.walks,
        views_through=engine.projector.position,
        views_problem=views.problem or engine.projector.problem or views.displaced,
    )
    if not isinstance(store, SqliteStore) or (lineage := store.lineage) is None:
        return told
    return told.model_copy(
        update={
            "notices": list(store.told),
            "log": lineage.log,
            "digest": lineage.head.digest,
            "digested": lineage.head.sequence,
            "losses": [StoreLoss(**asdict(one)) for one in lineage.losses],
        }
    )
