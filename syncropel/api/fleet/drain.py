"""/v1/drain: empty an instance or the fleet, cancel that, and show the progress."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.control.control import ControlRequest
from syncropel.api.fleet.fleet_views import find_instance
from syncropel.api.http.caller import Signed
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.control.drains import WHOLE_FLEET
from syncropel.folds.fleet.registry import Instance
from syncropel.wire import DrainChanged, DrainingInstance, DrainStatus


class DrainRequest(ControlRequest):
    """POST /v1/drain. `instance`: alias or DID; `*`, the default, is the whole fleet. Deadline in seconds."""

    state: Literal["start", "stop"]
    instance: str = Field(default=WHOLE_FLEET, min_length=1, max_length=512)
    deadline_secs: float | None = Field(default=None, ge=0, le=30 * 86_400)
    then: Literal["reassign", "end"] | None = None
    reason: str = Field(default="", max_length=2048)


def router(engine: Engine) -> APIRouter:
    """The routes of draining."""
    routes = APIRouter(tags=["control"])

    def here() -> None:
        if engine.settings.role == "worker":
            raise Conflict(
                "a worker is drained by its coordinator",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )

    @routes.get("/v1/drain")
    async def get_drain(instance: str | None = None) -> DrainStatus:
        """What is draining, and what is still in flight there."""
        here()
        only = None if instance in (None, WHOLE_FLEET) else find_instance(engine, str(instance))
        return drain_status(engine, only)

    @routes.post("/v1/drain", status_code=201)
    async def post_drain(body: DrainRequest, sign: Signed) -> DrainChanged:
        """Start or stop draining. The answer means that the record is durable."""
        body.actor = sign(body.actor)
        here()
        did = WHOLE_FLEET
        if body.instance != WHOLE_FLEET:
            did = _did_of(engine, body.instance)
        if body.state == "stop":
            if body.deadline_secs is not None or body.then is not None:
                raise BadRequest("deadline_secs and then belong to a start", "leave them out")
            written = await engine.control.drainer.stop(instance=did, actor=body.actor)
        else:
            written = await engine.control.drainer.start(
                instance=did,
                deadline_secs=body.deadline_secs,
                then=body.then,
                reason=body.reason,
                actor=body.actor,
            )
        return DrainChanged(record=written.record.id, instance=did)

    return routes


def _did_of(engine: Engine, name: str) -> str:
    """The DID of the instance with this name. One that has a credential may drain before it joins."""
    return name if engine.ingest.live.credentials.is_valid(name) else find_instance(engine, name).did


def drain_status(engine: Engine, only: Instance | None) -> DrainStatus:
    """Every instance that is draining, or only this one."""
    live = engine.ingest.live
    known = [only] if only is not None else list(live.registry.instances.values())
    load = engine.fan_outs.reconciler.load()
    held = engine.reported_work.held()
    placed = engine.fan_outs.reconciler.placed()
    run_on = Counter(one.spawn.instance for one in engine.fan_outs.unwaited.attempts())
    rows = []
    for one in sorted(known, key=lambda instance: (instance.alias, instance.did)):
        drains = live.drains.covering(one.did)
        if not drains or (one.state == "left" and not load[one.did] + run_on[one.did]):
            continue
        nearest = min(drains, key=lambda drain: (drain.deadline is None, drain.deadline or 0.0))
        waiting = len(placed.get(one.did, frozenset()) & held)
        rows.append(
            DrainingInstance(
                did=one.did,
                alias=one.alias,
                status=engine.leases.status(one),  # type: ignore[arg-type]  # STATUS_OF_STATE's words
                fleet_wide=WHOLE_FLEET in {drain.instance for drain in drains},
                deadline=nearest.deadline,
                then=nearest.then,
                reason=nearest.reason,
                actor=nearest.actor,
                at=nearest.at,
                confirmed=one.did in engine.control.propagation.confirmed_at(nearest.record),
                in_flight=load[one.did] - waiting + run_on[one.did],
                held=waiting,
            )
        )
    return DrainStatus(
        at=engine.runtime.now(),
        draining=bool(rows),
        in_flight=sum(row.in_flight for row in rows),
        held=sum(row.held for row in rows),
        instances=rows,
    )
