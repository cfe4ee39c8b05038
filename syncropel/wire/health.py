"""Health: liveness, capabilities, and state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire


class Health(Wire):
    """GET /health"""

    status: Annotated[Literal["ok"], OPEN]
    version: str
    records: int
    store: str
    uptime_secs: float


class Capabilities(Wire):
    """GET /.well-known/syncropel"""

    object: Literal["capabilities"] = "capabilities"
    version: str
    did: str
    role: str
    acts: list[str]
    data_types: list[str]
    limits: dict[str, int] = Field(description="body_bytes, parents, name_chars: the most of each")
    auth_required: bool
    openapi: str = Field(description="path of the document that describes every call")


class HealthCheck(Wire):
    """The result of a health rule. `problem`: why it could not be evaluated."""

    name: str
    healthy: bool
    severity: Annotated[Literal["warning", "critical"], OPEN]
    problem: str = ""


class EngineHealth(Wire):
    """GET /v1/engine/health; `details` only with `?details=true`."""

    did: str
    role: str
    alias: str
    pid: int
    home: str
    ingested_total: int
    reconciled_total: int
    reconcile_queue_depth: int
    dispatch_running: int
    dispatch_queued: int
    outbox_pending: int
    watchers: int
    checks: list[HealthCheck] = []
    aitl_pending: int = Field(default=0, description="subtasks that wait for an operator to approve them")
    intelligence_enabled: bool = False
    self_check_failures: int = 0
    uptime_secs: float
    store_bytes: int
    clock_ahead_secs: float | None = None
    """How far the wall clock is ahead of the coordinator's; None while that is not known."""
    coordinator_refuses: str = ""
    """Why its coordinator refuses the heartbeats of this worker; empty when it does not."""
    takes_no_work: str = ""
    """Why this instance accepts and begins no work, regardless of freezes; empty when it does."""
    details: dict[str, Any] | None = None
