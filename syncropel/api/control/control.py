"""The kill switch and the namespaces it applies to: /v1/fleet/freeze and unfreeze, /v1/control,
/v1/namespaces.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.control.control_views import blast_radius
from syncropel.api.http.caller import OF_ACTOR, Signed
from syncropel.api.http.request_body import RequestBody
from syncropel.engine.engine import Engine
from syncropel.errors import BadRequest, Conflict
from syncropel.folds.control.namespaces import DEFAULT, level_of
from syncropel.freeze_levels import DEFAULT_GRACE_SECS, EMERGENCY, EVERYWHERE, SOFT, Level
from syncropel.record.model import StoredRecord
from syncropel.wire import BlastRadius, ControlWritten, NamespaceList, NamespaceOut


class ControlRequest(RequestBody):
    """Base of request bodies here."""

    actor: str = Field(default="", min_length=1, max_length=512, description=OF_ACTOR)


class NewFreeze(ControlRequest):
    """POST /v1/fleet/freeze. Omit `namespace` for level emergency. Grace in seconds."""

    level: Level = SOFT
    namespace: str | None = None
    reason: str
    grace_secs: float = Field(default=DEFAULT_GRACE_SECS, ge=0, le=86_400)
    terminate: bool = False


class NewUnfreeze(ControlRequest):
    """POST /v1/fleet/unfreeze"""

    namespace: str | None = None
    emergency: bool = False
    reason: str = ""


class NamespaceName(ControlRequest):
    """POST /v1/namespaces, /v1/namespaces/archive, /v1/namespaces/delete"""

    namespace: str
    description: str = ""


class Strictness(ControlRequest):
    """POST /v1/namespaces/strict"""

    strict: bool


def router(engine: Engine) -> APIRouter:
    """The routes of control."""
    routes = APIRouter(tags=["control"])

    def here() -> None:
        if engine.settings.role == "worker":
            raise Conflict(
                "a worker takes its control state from its coordinator",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )

    @routes.post("/v1/fleet/freeze", status_code=201)
    async def freeze(body: NewFreeze, sign: Signed) -> ControlWritten:
        """Freeze a namespace, or the fleet. The answer means that the record is durable; confirmations
        follow.
        """
        body.actor = sign(body.actor)
        here()
        if (body.level == EMERGENCY) == bool(body.namespace):
            raise BadRequest(
                "a freeze is of one namespace, or an emergency", "give namespace, or level emergency"
            )
        written = await engine.control.killswitch.freeze(
            level=body.level,
            namespace=body.namespace or EVERYWHERE,
            reason=body.reason,
            grace_secs=body.grace_secs,
            terminate=body.terminate,
            actor=body.actor,
        )
        return _written(written)

    @routes.post("/v1/fleet/unfreeze", status_code=201)
    async def unfreeze(body: NewUnfreeze, sign: Signed) -> ControlWritten:
        """Lift a freeze; held work continues by itself."""
        body.actor = sign(body.actor)
        here()
        if body.emergency == bool(body.namespace):
            raise BadRequest("name one namespace, or the emergency", "give namespace, or emergency")
        if body.namespace == EVERYWHERE:
            raise BadRequest("'*' is not a namespace", "lift the emergency stop: spl unkill --emergency")
        place = EVERYWHERE if body.emergency else str(body.namespace)
        return _written(
            await engine.control.killswitch.unfreeze(namespace=place, actor=body.actor, reason=body.reason)
        )

    @routes.get("/v1/control/blast")
    async def get_blast(
        level: Level = SOFT,
        namespace: str | None = None,
        terminate: bool = False,
    ) -> BlastRadius:
        """What a freeze set now would affect. Changes nothing."""
        here()
        if (level == EMERGENCY) == bool(namespace):
            raise BadRequest(
                "a freeze is of one namespace, or an emergency", "give namespace, or level emergency"
            )
        if namespace:
            engine.control.killswitch.check_place(namespace)
        return blast_radius(engine, level, namespace or EVERYWHERE, terminate)

    @routes.get("/v1/namespaces")
    async def list_namespaces() -> NamespaceList:
        """The registry; it always includes `default`."""
        rows = [NamespaceOut(namespace=DEFAULT, level=DEFAULT, state="active", at=0.0)]
        for one in sorted(engine.ingest.live.namespaces.known.values(), key=lambda known: known.id):
            rows.append(
                NamespaceOut(
                    namespace=one.id,
                    level=level_of(one.id),
                    state=one.state,  # type: ignore[arg-type]  # STATE_OF_TOPIC's words are the wire's
                    description=one.description,
                    at=one.at,
                )
            )
        return NamespaceList(data=rows, strict=engine.ingest.live.namespaces.strict)

    @routes.post("/v1/namespaces", status_code=201)
    async def create_namespace(body: NamespaceName, sign: Signed) -> ControlWritten:
        """Register a namespace, or reopen one that was archived or deleted."""
        body.actor = sign(body.actor)
        here()
        return _written(
            await engine.control.killswitch.register(
                namespace=body.namespace, description=body.description, actor=body.actor
            )
        )

    @routes.post("/v1/namespaces/{verb}", status_code=201)
    async def close_namespace(
        verb: Literal["archive", "delete"], body: NamespaceName, sign: Signed
    ) -> ControlWritten:
        """Archive or delete a namespace: nothing more can be written to it or below it."""
        body.actor = sign(body.actor)
        here()
        topic = f"namespace_{verb}d"
        return _written(
            await engine.control.killswitch.close(topic, namespace=body.namespace, actor=body.actor)
        )

    @routes.put("/v1/namespaces/strict")
    async def set_strict(body: Strictness, sign: Signed) -> ControlWritten:
        """Set whether only registered namespaces may be used."""
        body.actor = sign(body.actor)
        here()
        return _written(await engine.control.killswitch.set_strict(strict=body.strict, actor=body.actor))

    return routes


def _written(stored: StoredRecord) -> ControlWritten:
    namespace = stored.record.body.get("namespace")
    return ControlWritten(record=stored.record.id, namespace=str(namespace or EVERYWHERE))
