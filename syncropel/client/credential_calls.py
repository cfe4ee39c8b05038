"""Calls about the credentials of instances. As in `calls`, nothing here does I/O."""

from __future__ import annotations

from urllib.parse import quote

from syncropel.client.calls import Call
from syncropel.client.late import schema


def issue(did: str, sha256: str, actor: str, *, reissue: bool = False) -> Call[schema.CredentialOut]:
    """Let the secret of this hash prove that an instance speaks; `reissue`: also when it was revoked."""
    body = {"did": did, "sha256": sha256, "actor": actor, "reissue": reissue}
    return Call(schema.CredentialOut, "/v1/fleet/credentials", "POST", body=body)


def revoke(name: str, actor: str, reason: str = "") -> Call[schema.RevokedInstance]:
    """Take back what an instance (an alias or a DID) speaks by."""
    path = f"/v1/fleet/instances/{quote(name, safe='')}/revoke"
    body = {"actor": actor, "reason": reason}
    return Call(schema.RevokedInstance, path, "POST", body=body, repeatable=False)
