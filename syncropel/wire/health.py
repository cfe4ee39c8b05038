"""Health: liveness, capabilities, and state."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.links import LinkOut
from syncropel.wire.log_state import StoreWord
from syncropel.wire.rules import CacheStatsOut


class Health(Wire):
    """GET /health"""

    status: Annotated[Literal["ok"], OPEN]
    version: str
    records: int
    store: str
    uptime_secs: float
    store_state: StoreWord = "sound"
    """The state of the log, in a word."""
    store_problem: str = ""
    """What is wrong with the log, or what it is known to lack; empty when nothing is."""


class StoreLoss(Wire):
    """Records that were known and are gone: the log `had` so many and `has` so many since `at`."""

    at: float
    had: int
    """Records that the log was known to have."""
    has: int
    """Records that it had when that was noticed."""
    since: float
    """When the log took the last record that is left, unix seconds."""
    backup: str
    """A copy that has more of them; empty when none is known."""
    accepted: bool
    """Whether an operator said to go on without them; if not, the log was exactly a copy of before."""


class AlteredOut(Wire):
    """A record in quarantine: it does not hash to its id, and nothing rests on it."""

    id: str
    thread: str
    sequence: int


class StoreOut(Wire):
    """GET /v1/store: the log of this instance, and what is known of it."""

    object: Literal["store"] = "store"
    state: StoreWord
    problem: str = ""
    hint: str = ""
    notices: list[str] = []
    """What was found when the store was opened."""
    log: str = ""
    """The log's id; empty while it has none."""
    records: int
    digest: str = ""
    """Over the ids of the records, in order; empty while nobody keeps it."""
    digested: int = 0
    """How many records the digest covers, from the first on: fewer than `records` while a long log is read
    for the first time.
    """
    losses: list[StoreLoss] = []
    """Records that were known and are gone."""
    altered: list[AlteredOut] = []
    """Records in quarantine."""
    checked: int = 0
    """Up to this sequence the present walk through the log has checked every record."""
    walks: int = 0
    """How many walks through the whole log have ended since the start."""
    views_through: int = 0
    """Up to this sequence the views contain the log."""
    views_problem: str = ""
    """Why the views cannot be read or written, or are in memory; empty while they are well."""


class BackupOut(Wire):
    """A backup that was taken."""

    object: Literal["backup"] = "backup"
    path: str
    records: int
    digest: str
    """Over the ids of all its records, in order."""
    also: list[str] = []
    """Where the same backup is, too: in the folder of `[backup] to`, unless `to` named another."""
    sealed_keys: bool | None = None
    """Whether keys and secrets were saved beside it, sealed; null from a daemon that does not say so."""
    kept: str | None = None
    """Where an earlier backup went that holds records which the log lacks; null when there was none."""


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


class BacklogOut(Wire):
    """What waits, or is under way, on one thread."""

    thread: str
    items: int
    """Records, fan-outs, or goals, by the loop."""
    secs: float
    """How long the oldest of them has waited or run."""


class LoopOut(Wire):
    """One of the four loops that every instance runs.

    `ingest` judges and writes records, `reconcile` decides the next step of fan-outs, `dispatch` runs goals,
    `delivery` sends work to other instances and results to the coordinator.
    """

    name: Annotated[Literal["ingest", "reconcile", "dispatch", "delivery"], OPEN]
    total: int
    """How much it has done since the start: records, looks at a fan-out, goals begun, records sent."""
    errors: int = 0
    """How often it failed; what failed is tried again. Always 0 from a daemon that does not count it."""
    queue_depth: int
    """How much is before it now."""
    waiting: list[BacklogOut]
    """The threads whose oldest item has waited longest, at most five."""
    running: list[BacklogOut]
    """The threads whose item is under way for longest, at most five: fan-outs that wait for a costly
    expression, goals that run."""


class MemoryOut(Wire):
    """Resident memory of the daemon's process."""

    resident_bytes: int
    """What it holds now."""
    at_start_bytes: int
    """When it began to serve, with the log read."""
    growth_bytes: int
    """The difference of the two; negative when it has shrunk."""


class EngineDetails(Wire):
    """The details of GET /v1/engine/health."""

    loops: list[LoopOut] = []
    """The four loops, in the order in which work passes them."""
    memory: MemoryOut | None = None
    """Null from a daemon that does not measure it."""
    expression_cache: CacheStatsOut | None = None
    """Compiled expressions: hits, misses, and errors since the start."""
    live: dict[str, int] = {}
    """How many there are: threads, tasks, open fan-outs, subtasks that came here, instances."""
    denials: dict[str, int] = {}
    """Refused writes: in total, those only counted, and those whose audit record was lost."""
    delivery_waiting: dict[str, Any] = {}
    """INTENDs that wait for an instance, by its DID, and why."""
    backup: dict[str, Any] | None = None
    """The last backup, or the one under way; `progress`: what it does (`copying` pages, `checking` records),
    how much is done, and of how much. Null for a log that has none.
    """
    connections: dict[str, int] = {}
    """Connections, their limits, and what was refused since the start."""
    reports: dict[str, Any] = {}
    """Results that wait to be reported, why, and how many reports were refused."""
    traces: dict[str, Any] | None = None
    """Traces of fan-outs since the start: how many were sent, wait, and were dropped, and why the last of
    them was not taken; null where none are sent.
    """
    webhooks: list[dict[str, Any]] = []
    """Webhooks, as GET /v1/webhooks lists them."""
    writers: dict[str, Any] = {}
    """Callers that may write under a name that is not proven to be theirs."""


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
    link: LinkOut | None = Field(default=None, description="its link to its coordinator; null without one")
    coordinator_refuses: str = ""
    """Why its coordinator refuses the heartbeats of this worker; empty when it does not."""
    takes_no_work: str = ""
    """Why this instance accepts and begins no work, regardless of freezes; empty when it does."""
    revoked: bool = False
    """Whether this is a worker that its coordinator has revoked."""
    details: EngineDetails | None = None
