"""The wire models: what the HTTP API answers. The client, the console and the OpenAPI document share them.

Times are unix seconds, durations seconds, money US dollars (all float), unless a name says otherwise.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

InstanceStatus = Literal["live", "stale", "archived", "draining", "left"]
ChildState = Literal[
    "pending", "blocked", "in_progress", "accept", "reject", "failed", "timeout", "terminated"
]


class Wire(BaseModel):
    """Base: immutable, and tolerant of fields that a newer daemon adds."""

    # defer_build: a command uses two or three of these models and should not wait for all.
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


Item = TypeVar("Item")


class Page(Wire, Generic[Item]):
    """A list answer. `next_cursor` goes into `since` of the next call; None at the end."""

    object: Literal["list"] = "list"
    data: list[Item]
    next_cursor: int | None = None


class ErrorBody(Wire):
    """Every error answer."""

    object: Literal["error"] = "error"
    type: str
    code: str
    message: str
    hint: str = ""


class Health(Wire):
    """GET /health"""

    status: Literal["ok"]
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
    """What a health rule says. `problem`: why it could not be evaluated."""

    name: str
    healthy: bool
    severity: Literal["warning", "critical"]
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
    aitl_pending: int = 0
    intelligence_enabled: bool = False
    self_check_failures: int = 0
    uptime_secs: float
    store_bytes: int
    details: dict[str, Any] | None = None


class RecordOut(Wire):
    """A record as the API answers it: the eight fields, flat, and what the store knows about it."""

    object: Literal["record"] = "record"
    id: str
    thread: str
    actor: str
    act: str
    clock: int
    parents: list[str]
    data_type: str
    judged_by: str | None = None
    body: dict[str, Any]
    sequence: int
    received_at: float


class PostedRecord(RecordOut):
    """POST /v1/records: the record as the log has it; `duplicate` when it was there already."""

    duplicate: bool = False


class BatchOutcome(Wire):
    """What became of one record of a batch, in the order sent."""

    status: Literal["created", "duplicate", "error"]
    id: str | None = None
    clock: int | None = None
    sequence: int | None = None
    error: ErrorBody | None = None


class BatchResult(Wire):
    """POST /v1/records/batch"""

    object: Literal["list"] = "list"
    data: list[BatchOutcome]
    created: int
    duplicates: int
    errors: int


class ThreadSummary(Wire):
    """One row of GET /v1/threads."""

    id: str
    kind: Literal["task", "child", "dispatch", "reserved", "other"]
    title: str
    status: str
    records: int
    participants: int
    first_sequence: int
    last_sequence: int
    last_activity: float


class Participant(Wire):
    """An actor on a thread. Roles are inferred: opener, reviewer, adapter, observer."""

    actor: str
    records: int
    roles: list[str]
    first_clock: int
    last_clock: int


class ThreadState(Wire):
    """GET /v1/threads/{id}/state: the folded state of one thread."""

    thread: ThreadSummary
    opened_by: str | None
    clock: int
    acts: dict[str, int]
    open_intends: list[str]
    task: TaskDetail | None = None
    child: DispatchOut | None = None


class InstanceOut(Wire):
    """One instance of the fleet. What a heartbeat has not told yet is None."""

    did: str
    alias: str
    role: Literal["coordinator", "worker"]
    endpoint: str
    status: InstanceStatus
    health: str
    version: str
    since: float
    last_heartbeat: float | None = None
    uptime_secs: float | None = None
    active_dispatches: int = 0
    queued_dispatches: int = 0
    max_concurrent: int = 0
    adapter: str = ""
    store_records: int | None = None
    store_bytes: int | None = None
    pid: int | None = None


class DispatchOut(Wire):
    """A subtask that an instance was given and has not reported yet."""

    thread: str
    alias: str
    index: int
    goal: str
    child_thread: str
    instance: str
    attempt: int
    started_at: float
    cost_usd: float = 0.0
    budget_usd: float | None = None
    timeout_secs: float | None = None


class FanOutProgress(Wire):
    """A fan-out that has not joined yet, in one line."""

    thread: str
    alias: str
    goal: str
    namespace: str
    join: str
    subtasks: int
    spawned: int
    completed: int
    accepted: int
    satisfiable: bool
    explanation: str
    started_at: float
    cost_usd: float
    budget_usd: float | None = None


class Confirmation(Wire):
    """An instance that has taken a control record, and when."""

    instance: str
    alias: str
    at: float


class FreezeOut(Wire):
    """An active freeze, and who enforces it. `namespace` is `*` for an emergency stop."""

    level: Literal["soft", "hard", "emergency"]
    namespace: str
    reason: str
    grace_secs: float
    terminate: bool = False
    actor: str = ""
    at: float
    record: str
    confirmed: list[Confirmation] = []
    waiting: list[str] = Field(default=[], description="aliases of live instances that have not confirmed")


class ControlWritten(Wire):
    """POST /v1/fleet/freezes and its like: the record that was written."""

    record: str
    namespace: str


class DrainChanged(Wire):
    """POST /v1/drain: the record that was written. `instance` is a DID, or `*` for the whole fleet."""

    record: str
    instance: str


class DrainingInstance(Wire):
    """An instance that drains. `in_flight`: subtasks it was given and has neither finished nor put aside.

    `held`: subtasks that it has not begun and will not begin while it drains, and that cannot go elsewhere.
    """

    did: str
    alias: str
    status: InstanceStatus
    fleet_wide: bool
    deadline: float | None
    then: Literal["reassign", "end"]
    reason: str
    actor: str
    at: float
    confirmed: bool
    in_flight: int
    held: int


class DrainStatus(Wire):
    """GET /v1/drain"""

    at: float
    draining: bool
    in_flight: int
    held: int
    instances: list[DrainingInstance]


class NamespaceOut(Wire):
    """GET /v1/namespaces"""

    namespace: str
    level: str
    state: Literal["active", "archived", "deleted"]
    description: str = ""
    at: float


class FleetStatus(Wire):
    """GET /v1/fleet/status, and each event of GET /v1/fleet/watch."""

    at: float = Field(description="the daemon's clock when it made this answer")
    version: str
    coordinator_did: str
    coordinator_url: str
    role: Literal["coordinator", "worker"]
    heartbeat_interval_secs: float
    live: int
    stale: int
    archived: int
    instances: list[InstanceOut]
    dispatches: list[DispatchOut]
    fanouts: list[FanOutProgress]
    freezes: list[FreezeOut] = []
    emergency: bool = False
    ingested_total: int
    reconcile_queue_depth: int
    records: int
    tasks_revision: int = Field(description="raised whenever a task changed: time to ask /v1/tasks again")


class RunningSpend(Wire):
    """A goal that runs now, and what it has spent (US dollars)."""

    model_config = ConfigDict(defer_build=False)

    child_intend: str = Field(max_length=64)
    child_thread: str = Field(max_length=512)
    cost_usd: float = Field(ge=0, allow_inf_nan=False)


class OpenAttempt(Wire):
    """An attempt that an instance runs, or would run as soon as it can."""

    model_config = ConfigDict(defer_build=False)

    child_intend: str = Field(max_length=64)
    parent_thread: str = Field(max_length=512)
    index: int
    attempt: int


class Heartbeat(Wire):
    """POST /v1/fleet/heartbeat: a lease, not a record."""

    # The web framework wants the models of request bodies built.
    model_config = ConfigDict(defer_build=False)

    did: str = Field(min_length=1, max_length=512)
    alias: str = Field(min_length=1, max_length=512)
    role: Literal["coordinator", "worker"]
    endpoint: str = Field(max_length=2048)
    version: str = Field(max_length=64)
    health: Literal["healthy", "draining"] = "healthy"
    leaving: bool = Field(default=False, description="the last beat of an instance that stops")
    uptime_secs: float = Field(ge=0, allow_inf_nan=False)
    active_dispatches: int = 0
    queued_dispatches: int = 0
    max_concurrent: int = 0
    adapter: str = Field(default="", max_length=512)
    store_records: int | None = None
    store_bytes: int | None = None
    pid: int | None = None
    control: str = Field(default="", description="digest of the control records that the instance has")
    spend: list[RunningSpend] = Field(default=[], description="what each running goal has spent so far")
    open: list[OpenAttempt] = Field(default=[], description="told by an instance that was away")
    held: list[str] = Field(default=[], description="child INTENDs that a drain keeps from beginning here")


class HeartbeatAnswer(Wire):
    """What the coordinator tells an instance in return.

    `control`: records that it lacks: of the control threads, and ends of attempts that it must not run.
    """

    coordinator: str
    heartbeat_interval_secs: float
    status: InstanceStatus
    control: list[dict[str, Any]] = []


class TaskSummary(Wire):
    """One row of GET /v1/tasks."""

    thread: str
    alias: str
    goal: str
    status: str
    priority: str
    domain: str
    namespace: str
    labels: list[str]
    records: int
    created_at: float
    updated_at: float
    revision: int
    subtasks: int = 0
    spawned: int = 0
    completed: int = 0
    accepted: int = 0
    joined: bool = False
    satisfiable: bool = True
    cost_usd: float = 0.0


class TaskDetail(TaskSummary):
    """GET /v1/tasks/{alias or thread}"""

    hypothesis: str = ""
    criteria: list[str] = []
    assignee: str = ""
    completed_by: str | None = None
    verdict: str | None = None
    verdict_by: str | None = None
    summary: str = ""
    reason: str = ""
    attempts_failed: int = 0


class ChildOut(Wire):
    """One subtask of a fan-out. `instance` is where it runs, or, while `predicted`, where it would go now."""

    index: int
    goal: str
    target: str
    instance: str | None = None
    instance_alias: str | None = None
    predicted: bool = False
    state: ChildState
    why: str = Field(default="", description="why it is pending or blocked, in words")
    verdict: str | None = None
    reason: str = Field(default="", description="a word: why it was ended, such as budget_exceeded")
    summary: str = ""
    output: str | None = Field(default=None, description="file on the worker with the full output")
    cost_usd: float = 0.0
    budget_usd: float | None = None
    wall_time_secs: float | None = None
    timeout_secs: float | None = None
    attempt: int = 0
    depends_on: list[int] = []
    waits_for: list[int] = []
    child_thread: str | None = None
    spawned_at: float | None = None
    finished_at: float | None = None
    adapter: str | None = None


class JoinStatus(Wire):
    """GET /v1/tasks/{alias or thread}/join"""

    thread: str
    alias: str
    goal: str
    namespace: str
    status: str
    parent_intend: str
    join: str
    complete: bool
    verdict: str | None
    satisfiable: bool
    explanation: str = Field(description="why it is joined, not joined yet, or can no longer be")
    hint: str = Field(default="", description="what to do when it cannot be satisfied")
    blame: list[int] = Field(default=[], description="subtasks that keep the join from being satisfied")
    subtasks: list[ChildOut]
    spawned: int
    completed: int
    accepted: int
    cost_usd: float
    budget_usd: float | None = None
    started_at: float
    joined_at: float | None = None
    critical_path: list[int] = []
    revision: int


class SerialBaseline(Wire):
    """The serial run that `--vs-serial` names."""

    thread: str
    wall_secs: float
    cost_usd: float
    speedup: float | None


class Speedup(Wire):
    """GET /v1/tasks/{alias or thread}/speedup"""

    thread: str
    alias: str
    complete: bool
    subtasks: int
    walls: list[float | None] = Field(description="per subtask; None while it has no result")
    critical_path: list[int] = Field(description="indexes along the dependencies, first to last")
    has_dependencies: bool
    parallel_wall_secs: float = Field(description="sum of the walls along the critical path")
    elapsed_secs: float | None = Field(description="fan-out record to joined record, as measured")
    total_cost_usd: float
    serial_estimate_secs: float
    estimated_speedup: float | None
    serial: SerialBaseline | None = None


class MintedToken(Wire):
    """A new service account or token. `token` is shown this once and never again."""

    sa_id: str
    scopes: list[str]
    token: str


class ServiceAccount(Wire):
    """GET /v1/service-accounts"""

    sa_id: str
    scopes: list[str]
    tokens: int
    at: float
