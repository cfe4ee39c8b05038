"""Credentials of instances; joining from another host: invites, what is said, and who has joined."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, Wire


class CredentialOut(Wire):
    """POST /v1/fleet/credentials. `record` is empty when this was already known."""

    did: str
    sha256: str
    record: str


class RevokedInstance(Wire):
    """POST /v1/fleet/instances/{name}/revoke"""

    did: str
    alias: str
    record: str


class JoinInfo(Wire):
    """GET /v1/fleet/join: what anybody may know who wants to join; it proves nothing by itself."""

    ca: str = Field(description="certificate of the fleet's CA, PEM: compare its pin with that of the invite")
    protocol: int = Field(description="the version of what this coordinator says")
    oldest_protocol: int = Field(description="the oldest that it understands")


class JoinRequest(Wire):
    """POST /v1/fleet/join. It needs no token: the invite's secret says who may."""

    model_config = ConfigDict(defer_build=False)

    invite: str = Field(min_length=1, max_length=64, description="id of the invite")
    secret: str = Field(min_length=1, max_length=256, description="of the invite", repr=False)
    did: str = Field(min_length=1, max_length=512, description="of the instance that joins")
    sha256: str = Field(
        min_length=64, max_length=64, description="of the secret that the instance will present, in hex"
    )
    protocol: int = Field(description="the version of what the instance says")
    version: str = Field(default="", max_length=64)


class Joined(Wire):
    """POST /v1/fleet/join: the instance belongs to the fleet."""

    coordinator: str = Field(description="DID of the coordinator")
    alias: str = Field(description="the alias that the invite gives")
    sha256: str = Field(
        description="of the secret by which the coordinator identifies itself to the instance"
    )
    protocol: int = Field(description="the version of what this coordinator says")


class InviteOut(Wire):
    """An invite that can be used now."""

    id: str
    alias: str
    at: float = Field(description="when it was made")
    expires_at: float = Field(description="from when on it cannot be used")
    actor: str = Field(description="who invited")


class InviteMade(InviteOut):
    """POST /v1/fleet/invites: the only answer with the line."""

    line: str = Field(description="what is typed after `spl fleet join` on the other host", repr=False)


class NodeOut(Wire):
    """An instance with a credential of its own."""

    did: str
    alias: str
    invite: str = Field(
        default="", description="the invite with which it joined; empty for one of this machine"
    )
    joined_at: float | None = Field(default=None, description="when it joined with an invite")
    credential: Annotated[Literal["valid", "due", "renewing", "revoked"], OPEN] = Field(
        description="`due`: it renews with its next heartbeat; `renewing`: until it has presented the new one"
    )
    credential_at: float = Field(description="since when")
    status: str = Field(default="", description="as in the registry; empty when it was never heard")


class Nodes(Wire):
    """GET /v1/fleet/nodes"""

    nodes: list[NodeOut] = Field(description="by alias")
    invites: list[InviteOut] = Field(description="those that can be used now, the oldest first")


class RotatedNode(Wire):
    """POST /v1/fleet/nodes/{name}/rotate"""

    did: str
    alias: str
    record: str
