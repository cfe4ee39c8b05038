"""Requests about the credentials of instances. As in `calls`, nothing here does I/O."""

from __future__ import annotations

from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def issue(
    did: str, sha256: str, actor: str, *, reissue: bool = False, succession: str = ""
) -> Call[schema.CredentialOut]:
    """Accept the secret with this hash as an instance's; `reissue`: even if the instance was revoked.
    `succession`: the hash of the secret with which it may take the coordinator's place.
    """
    more = {"succession": succession} if succession else {}
    body = {"did": did, "sha256": sha256, "actor": actor, "reissue": reissue, **more}
    return Call(schema.CredentialOut, "/v1/fleet/credentials", "POST", body=body)


def revoke(name: str, actor: str, reason: str = "") -> Call[schema.RevokedInstance]:
    """Revoke the credential of an instance (an alias or a DID)."""
    path = f"/v1/fleet/instances/{quote(name, safe='')}/revoke"
    body = {"actor": actor, "reason": reason}
    return Call(schema.RevokedInstance, path, "POST", body=body, repeatable=False)


def relink(name: str, actor: str) -> Call[schema.Relinked]:
    """Let an instance (an alias or a DID) link again that was refused as a second home."""
    path = f"/v1/fleet/instances/{quote(name, safe='')}/relink"
    return Call(schema.Relinked, path, "POST", body={"actor": actor})
