"""/v1/fleet: status, instances, heartbeat, control, watch."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from syncropel.api.control.control import ControlRequest
from syncropel.api.fleet.fleet_views import find_instance, fleet_status, instance_out
from syncropel.api.fleet.joining import find_node
from syncropel.api.http.caller import Signed, caller, writer
from syncropel.api.http.snapshots import Snapshots
from syncropel.api.http.sse import EventStream, event_stream
from syncropel.engine.engine import Engine
from syncropel.engine.fanout.siblings import attempt_of, siblings_of
from syncropel.engine.heartbeats import take_beat, towards
from syncropel.errors import Conflict, WrongAuthor
from syncropel.folds.fleet.registry import STATUS_OF_STATE
from syncropel.policy.leading import NotLeader
from syncropel.wire import (
    AskedSiblings,
    ControlAnswer,
    ControlMessage,
    CredentialOut,
    FleetStatus,
    Heartbeat,
    HeartbeatAnswer,
    InstanceOut,
    Page,
    RevokedInstance,
    SiblingsOut,
)

WATCH_GAP_SECS: Final = 0.25


class NewCredential(ControlRequest):
    """POST /v1/fleet/credentials. `sha256`: of the secret, in hex. `reissue`: even if it was revoked."""

    did: str = Field(min_length=1, max_length=512)
    sha256: str = Field(min_length=64, max_length=64)
    reissue: bool = False
    succession: str = Field(
        default="", max_length=64, description="SHA-256 of the secret that shows that it was promoted"
    )


class Revocation(ControlRequest):
    """POST /v1/fleet/instances/{name}/revoke"""

    reason: str = Field(default="", max_length=2048)


def router(engine: Engine) -> APIRouter:
    """The routes of the fleet."""
    routes = APIRouter(tags=["fleet"])
    snapshots = Snapshots(
        engine, lambda: fleet_status(engine).model_dump_json(), "fleet.snapshot", WATCH_GAP_SECS
    )

    def here() -> None:
        if engine.settings.role == "worker":
            raise Conflict(
                "only the coordinator gives and revokes credentials",
                f"ask there: {engine.settings.fleet.coordinator_url}",
            )

    @routes.get("/v1/fleet/status")
    async def get_status(while_starting: bool = False) -> FleetStatus:
        """The whole fleet: instances, dispatches, fan-outs that have not joined, freezes.

        `while_starting`: answer even while the daemon reads its log, with instances and freezes alone.
        """
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
        return event_stream(engine, snapshots.events())

    @routes.post("/v1/fleet/heartbeat")
    async def heartbeat(beat: Heartbeat, request: Request) -> HeartbeatAnswer:
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
        author = writer(request.scope)
        if (refusal := engine.issuer.refusal_to_beat(author, beat.did)) is not None:
            raise refusal
        if (refusal := engine.joining.refusal_of_alias(beat.did, beat.alias)) is not None:
            raise refusal
        verified = author.author == "instance"
        if verified:
            said = None if beat.leading is None else beat.leading.model_dump()
            await engine.leading.hear_follower(beat.did, beat.alias, said)
        if (leader := engine.leading.standing.fenced) is not None:
            raise NotLeader(leader)
        shown = caller(request.scope)
        renewed = ""
        if verified and shown is not None:
            renewed = await engine.issuer.renew(beat.did, shown.sha256, beat.next_credential)
        status, told = await take_beat(engine, beat, verified=verified)
        assert status in STATUS_OF_STATE.values()
        return HeartbeatAnswer(
            coordinator=engine.instance.did,
            heartbeat_interval_secs=engine.settings.fleet.heartbeat_interval_secs,
            **told,
            now=engine.runtime.now(),
            status=status,  # type: ignore[arg-type]  # STATUS_OF_STATE's words are the wire's
            credential=towards(engine, beat.did) if beat.asks_credential and verified else "",
            renew=verified and engine.issuer.is_due(beat.did),
            renewed=renewed,
        )

    @routes.post("/v1/fleet/siblings")
    async def siblings(body: AskedSiblings, request: Request) -> SiblingsOut:
        """The other subtasks of an attempt's task, for the instance that runs the attempt."""
        fanout, spawn = attempt_of(engine.ingest, body.parent_thread, body.child_intend)
        author = writer(request.scope)
        if author.author != "operator" and engine.issuer.refusal_to_beat(author, spawn.instance):
            raise WrongAuthor(
                "only the instance that runs this attempt may ask for its siblings",
                "see the whole task: spl task join-status NAME",
            )
        return SiblingsOut(**siblings_of(fanout, spawn))

    @routes.post("/v1/fleet/control")
    async def control(message: ControlMessage, request: Request) -> ControlAnswer:
        """Enforce what the coordinator says is in force; the answer says what is enforced then."""
        if engine.settings.role != "worker":
            raise Conflict(
                "a coordinator accepts no control messages from other instances", "send it to its workers"
            )
        if writer(request.scope).author != "coordinator":
            raise WrongAuthor(
                "a worker takes control only from its coordinator",
                f"freeze and lift there: {engine.settings.fleet.coordinator_url}",
            )
        if message.to != engine.instance.did:
            raise Conflict(
                f"this is {engine.instance.did}, not {message.to}", "its next heartbeat says where it is"
            )
        said = message.model_dump()
        engine.leading.check_answer(said)
        await engine.leading.hear_coordinator(said)
        taken = await engine.control.adoption.take(said)
        return ControlAnswer(did=engine.instance.did, taken=taken, **engine.control.adoption.state())

    @routes.post("/v1/fleet/credentials")
    async def issue(body: NewCredential, sign: Signed) -> CredentialOut:
        """Give an instance the credential with this hash; from then on nothing else identifies it."""
        here()
        body.actor = sign(body.actor)
        written = await engine.issuer.issue(
            body.did, body.sha256, actor=body.actor, reissue=body.reissue, succession=body.succession
        )
        return CredentialOut(did=body.did, sha256=body.sha256, record=written.record.id if written else "")

    @routes.post("/v1/fleet/instances/{name}/revoke", status_code=201)
    async def revoke(name: str, body: Revocation, sign: Signed) -> RevokedInstance:
        """Revoke the credential of an instance at once and for good; its lease ends and its work moves."""
        here()
        did, alias = find_node(engine, name)
        if did == engine.instance.did:
            raise Conflict(f"cannot revoke {name!r}: it is this coordinator itself", "stop it: spl stop")
        body.actor = sign(body.actor)
        written = await engine.issuer.revoke(did, actor=body.actor, reason=body.reason)
        return RevokedInstance(did=did, alias=alias, record=written.record.id)

    return routes
