"""Requests about invites, nodes, and joining. As in `calls`, nothing here does I/O."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def invite(alias: str, ttl_secs: float, actor: str) -> Call[schema.InviteMade]:
    """Invite one instance of another host."""
    body = {"alias": alias, "ttl_secs": ttl_secs, "actor": actor}
    return Call(schema.InviteMade, "/v1/fleet/invites", "POST", body=body, repeatable=False)


def withdraw(name: str, actor: str) -> Call[schema.InviteOut]:
    """Take back an open invite (its id or its alias)."""
    path = f"/v1/fleet/invites/{quote(name, safe='')}/withdraw"
    return Call(schema.InviteOut, path, "POST", body={"actor": actor}, repeatable=False)


def nodes() -> Call[schema.Nodes]:
    """Every instance with a credential of its own, and the open invites."""
    return Call(schema.Nodes, "/v1/fleet/nodes")


def rotate(name: str, actor: str) -> Call[schema.RotatedNode]:
    """Have an instance (an alias or a DID) renew its credential now."""
    path = f"/v1/fleet/nodes/{quote(name, safe='')}/rotate"
    return Call(schema.RotatedNode, path, "POST", body={"actor": actor})


def join(asked: dict[str, Any]) -> Call[schema.Joined]:
    """Join with an invite (the fields of the wire model `JoinRequest`). Asking again is safe."""
    return Call(schema.Joined, "/v1/fleet/join", "POST", body=asked)
