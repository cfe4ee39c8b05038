"""/v1/fleet/invites, /v1/fleet/nodes, /v1/fleet/join: who may join from another host, who has, and how."""

from __future__ import annotations

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import Field

from syncropel.api.control.control import ControlRequest
from syncropel.api.http.caller import Signed
from syncropel.engine.engine import Engine
from syncropel.errors import Conflict, NotFound, SetupError
from syncropel.folds.fleet.credentials import Credential
from syncropel.folds.fleet.joins import Invite
from syncropel.settings.certificates import LOCAL_NAMES, Certificate, read_certificates
from syncropel.settings.config import split_listen
from syncropel.settings.join_line import JoinLine, with_port
from syncropel.wire import (
    InviteMade,
    InviteOut,
    Joined,
    JoinInfo,
    JoinRequest,
    NodeOut,
    Nodes,
    RotatedNode,
)
from syncropel.wire.version import OLDEST_PROTOCOL, PROTOCOL

_MOST_HOSTS: Final = 8


class NewInvite(ControlRequest):
    """POST /v1/fleet/invites"""

    alias: str = Field(min_length=1, max_length=512)
    ttl_secs: float = Field(default=3600.0, description="for how long it can be used")


class Withdrawal(ControlRequest):
    """POST /v1/fleet/invites/{name}/withdraw"""


class Rotation(ControlRequest):
    """POST /v1/fleet/nodes/{name}/rotate"""


def router(engine: Engine) -> APIRouter:
    """The routes of joining."""
    routes = APIRouter(tags=["fleet"])

    def here() -> None:
        if engine.settings.role == "worker":
            told = "only the coordinator lets instances in"
            raise Conflict(told, f"ask there: {engine.settings.fleet.coordinator_url}")

    @routes.post("/v1/fleet/invites", status_code=201)
    async def invite(body: NewInvite, sign: Signed) -> InviteMade:
        """Invite one instance of another host. The line is in this answer and nowhere else."""
        here()
        body.actor = sign(body.actor)
        chain, port = _served(engine)
        made, secret = await engine.joining.invite(body.alias, body.ttl_secs, body.actor)
        names = sorted((one for one in chain[0].names if one not in LOCAL_NAMES), key=_nearness)
        hosts = tuple(with_port(one, port) for one in names if "*" not in one)[:_MOST_HOSTS]
        line = JoinLine(hosts or (with_port("localhost", port),), chain[-1].pin, made.id, secret).text()
        return InviteMade(**_invite(made).model_dump(), line=line)

    @routes.post("/v1/fleet/invites/{name}/withdraw")
    async def withdraw(name: str, body: Withdrawal, sign: Signed) -> InviteOut:
        """Take back an open invite, by its id or its alias."""
        here()
        body.actor = sign(body.actor)
        return _invite(await engine.joining.withdraw(name, body.actor))

    @routes.get("/v1/fleet/nodes")
    async def nodes() -> Nodes:
        """Every instance with a credential of its own, and the open invites."""
        known = engine.ingest.live.credentials.known.values()
        rows = sorted((_node(engine, one) for one in known), key=lambda row: (row.alias, row.did))
        return Nodes(nodes=rows, invites=[_invite(one) for one in engine.joining.open()])

    @routes.post("/v1/fleet/nodes/{name}/rotate", status_code=201)
    async def rotate(name: str, body: Rotation, sign: Signed) -> RotatedNode:
        """Have an instance renew its credential now: it does with its next heartbeat."""
        here()
        body.actor = sign(body.actor)
        did, alias = find_node(engine, name)
        written = await engine.issuer.ask_to_renew(did, actor=body.actor)
        return RotatedNode(did=did, alias=alias, record=written.record.id)

    @routes.get("/v1/fleet/join")
    async def join_info() -> JoinInfo:
        """The fleet's CA, for whoever has its pin, and the versions that are understood."""
        here()
        chain, _ = _served(engine)
        return JoinInfo(ca=chain[-1].pem, protocol=PROTOCOL, oldest_protocol=OLDEST_PROTOCOL)

    @routes.post("/v1/fleet/join")
    async def join(body: JoinRequest) -> Joined:
        """Join with an invite. The same instance may ask again with the same credential."""
        here()
        _served(engine)  # raises where no other host is to be let in
        use, sha256 = await engine.joining.join(
            body.invite, body.secret, body.did, body.sha256, body.protocol
        )
        return Joined(
            coordinator=engine.instance.did,
            alias=use.alias,
            sha256=sha256,
            protocol=min(PROTOCOL, body.protocol),
        )

    return routes


def _nearness(host: str) -> int:
    """Which of a host's names another host should try first: whole names, then addresses."""
    if ":" in host:
        return 3
    if host.replace(".", "").isdecimal():
        return 1
    return 0 if "." in host else 2


def find_node(engine: Engine, name: str) -> tuple[str, str]:
    """DID and alias of an instance of the fleet, also of one that was never heard. Raises NotFound."""
    live = engine.ingest.live
    if (known := live.registry.instances.get(name) or live.registry.by_alias(name)) is not None:
        return known.did, known.alias
    joined = live.joins.latest(name) or live.joins.by_alias(name)
    if joined is not None:
        return joined.did, joined.alias
    if name in live.credentials.known:
        return name, name
    raise NotFound(f"no instance {name!r} has ever joined", "see: spl fleet nodes list")


def _served(engine: Engine) -> tuple[list[Certificate], int]:
    """The certificates that other hosts see, and the port. Raises Conflict where they are not served."""
    server, home = engine.settings.server, engine.instance.home
    if not server.listen:
        raise Conflict(
            "no other host can reach this coordinator",
            "listen for other hosts: spl fleet tls init --listen 0.0.0.0:9443; then: spl stop && spl serve",
        )
    path = home.path / server.tls_cert if server.tls_cert else home.server_certificate
    try:
        return read_certificates(path), split_listen(server.listen)[1]
    except SetupError as error:
        raise Conflict(error.message, error.hint) from None


def _invite(one: Invite) -> InviteOut:
    return InviteOut(id=one.id, alias=one.alias, at=one.at, expires_at=one.expires_at, actor=one.actor)


def _node(engine: Engine, one: Credential) -> NodeOut:
    live = engine.ingest.live
    known, joined = live.registry.instances.get(one.did), live.joins.latest(one.did)
    return NodeOut(
        did=one.did,
        alias=known.alias if known is not None else joined.alias if joined is not None else "",
        invite=joined.invite if joined is not None else "",
        joined_at=joined.at if joined is not None else None,
        credential=_credential(engine, one),
        credential_at=one.at,
        status=engine.leases.status(known) if known is not None else "",
    )


def _credential(engine: Engine, one: Credential) -> Literal["valid", "due", "renewing", "revoked"]:
    if one.revoked:
        return "revoked"
    if one.before:
        return "renewing"
    return "due" if engine.issuer.is_due(one.did) else "valid"
