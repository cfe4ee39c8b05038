"""Consent: which namespace may share its records with which other."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire


class ConsentOut(Wire):
    """The newest record about a pair of namespaces. `purpose`: for a revocation, its reason.

    `expires_at`: unix seconds; null: until it is revoked. `problem`: why an invalid grant is not in force.
    """

    source_namespace: str = Field(description="whose records may be shared")
    target_namespace: str = Field(description="with whom")
    state: Annotated[Literal["active", "expired", "revoked", "invalid"], OPEN]
    purpose: str = ""
    expires_at: float | None = None
    problem: str = ""
    actor: str
    at: float
    record: str


class ConsentWritten(Wire):
    """POST /v1/consents and /v1/consents/revoke: the record that was written."""

    record: str
    source_namespace: str
    target_namespace: str
