"""Requests about consent; see `client.calls`."""

from __future__ import annotations

from typing import Any

from syncropel.client.calls import Call
from syncropel.client.late import schema


def consents() -> Call[schema.Page[schema.ConsentOut]]:
    """The latest grant or revocation for every pair of namespaces."""
    return Call(schema.Page[schema.ConsentOut], "/v1/consents")


def grant(
    source: str, target: str, actor: str, *, purpose: str = "", expires_at: float | None = None
) -> Call[schema.ConsentWritten]:
    """Let `source` share its records with `target`, until `expires_at` (unix seconds) if given."""
    body: dict[str, Any] = {"source_namespace": source, "target_namespace": target, "actor": actor}
    body |= {"purpose": purpose} if purpose else {}
    body |= {} if expires_at is None else {"expires_at": expires_at}
    return Call(schema.ConsentWritten, "/v1/consents", "POST", body=body, repeatable=False)


def revoke(source: str, target: str, actor: str, *, reason: str = "") -> Call[schema.ConsentWritten]:
    """Revoke the grant for exactly this pair."""
    body = {"source_namespace": source, "target_namespace": target, "actor": actor, "reason": reason}
    return Call(schema.ConsentWritten, "/v1/consents/revoke", "POST", body=body, repeatable=False)
