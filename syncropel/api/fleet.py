"""/v1/fleet: status, instances, heartbeat, control, watch."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from syncropel.api.caller import writer
from syncropel.api.fleet_views import find_instance, fleet_status, instance_out
from syncropel.api.schema import (
    ControlAnswer,
    ControlMessage,
    FleetStatus,
    Heartbeat,
    HeartbeatAnswer,
    InstanceOut,
    Page,
)
from syncropel.api.sse import EventStream, event_stream, snapshots
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, WrongAuthor
from syncropel.folds.registry import STATUS_OF_STATE

WATCH_GAP_SECS: Final = 0.25


def router(engine: Engine) -> APIRouter:
    """The routes of the fleet."""
    routes = APIRouter(tags=["fleet"])

    @routes.get("/v1/fleet/status")
    async def get_status() -> FleetStatus:
        """The whole fleet: instances, dispatches, fan-outs that have not joined, freezes."""
        return fleet_status(engine)

    @routes.get("/v1/fleet/instances")
    async def list_instances() -> Page[InstanceOut]:
        """Every instance that ever joined."""
        known = engine.ingest.live.registry.instances.values()
        rows = sorted((instance_out(engine, one) for one in known), key=lambda row: row.did)
        return Page(data=rows)

    @routes.get("/v1/fleet/instances/{name}")
    async def get_instance(name: str) -> InstanceOut:
        """One instance, by DID or alias."""
        return instance_out(engine, find_instance(engine, name))

    @routes.get("/v1/fleet/watch", response_class=EventStream)
    async def watch() -> Response:
        """Server-sent events `fleet.snapshot`: one at once, then one for every change."""
        return event_stream(
            engine,
            snapshots(
                engine, lambda: fleet_status(engine).model_dump_json(), "fleet.snapshot", WATCH_GAP_SECS
            ),
        )

    @routes.post("/v1/fleet/heartbeat")
    async def heartbeat(beat: Heartbeat) -> HeartbeatAnswer:
        """Renew an instance's lease. Only a change of state becomes a record."""
        if engine.settings.role == "worker":
            raise Conflict(
                "this instance is a worker and keeps no registry",
                f"beat to its coordinator: {engine.settings.fleet.coordinator_url}",
            )
        if beat.did == engine.instance.did:
            raise Conflict(
                f"{beat.did} is this coordinator itself, not {beat.alias}",
                "was a home copied? remove keys/instance.key of the copy: it then gets a DID of its own",
            )
        status, told = await engine.take_beat(beat.model_dump())
        assert status in STATUS_OF_STATE.values()
        return HeartbeatAnswer(
            coordinator=engine.instance.did,
            heartbeat_interval_secs=engine.settings.fleet.heartbeat_interval_secs,
            **told,
            status=status,  # type: ignore[arg-type]  # STATUS_OF_STATE's words are the wire's
        )

    @routes.post("/v1/fleet/control")
    async def control(message: ControlMessage, request: Request) -> ControlAnswer:
        """Enforce what the coordinator says is in force. Answered with what is enforced then."""
        if engine.settings.role != "worker":
            raise Conflict(
                "this instance is a coordinator: its operators say what is in force", "ask its workers"
            )
        if writer(request.scope).author != "coordinator":
            raise WrongAuthor(
                "a worker is told what is in force by its coordinator alone",
                f"freeze and lift there: {engine.settings.fleet.coordinator_url}",
            )
        if message.to != engine.instance.did:
            raise Conflict(
                f"this is {engine.instance.did}, not {message.to}", "its next heartbeat says where it is"
            )
        taken = await engine.told.take(message.model_dump())
        return ControlAnswer(did=engine.instance.did, taken=taken, **engine.told.state())

    return routes
