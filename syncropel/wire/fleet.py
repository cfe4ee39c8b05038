"""Instances, their running work, and their heartbeats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from syncropel.wire.base import OPEN, InstanceRole, InstanceStatus, Wire
from syncropel.wire.control import DrainOut, FreezeOut, PauseOut
from syncropel.wire.leader import LeaderOut, LeadingTold
from syncropel.wire.links import LinkOut
from syncropel.wire.log_state import LogState
from syncropel.wire.merges import CollisionOut
from syncropel.wire.rules import FleetRule


class AdapterOut(Wire):
    """An adapter of an instance. `models`: those that a subtask may name, the default first.

    `capabilities`: text, tools, tokens, resume, messages, permissions, denials, and `cost`, which says when
    it is known (request, turn, end, or never). `problem`: why it cannot be used, or what its goals lack.
    """

    name: str = Field(max_length=64)
    type: str = Field(max_length=64)
    models: list[str] = Field(default=[], max_length=256)
    max_concurrent: int = 0
    """0: only the limit on all goals together applies."""
    usable: bool = True
    problem: str = Field(default="", max_length=2048)
    capabilities: dict[str, bool | str] = {}
    provider: str = Field(default="", max_length=64, description="whose quota its goals use")
    isolation: str | None = Field(
        default=None,
        max_length=64,
        description="what contains its programs: `none`, `user`, or `sandbox`; empty when it starts none; "
        "null from an older instance",
    )


class Unended(Wire):
    """A run that is being ended, or has `ended` without proof that nothing is left (`left`: pids)."""

    child_thread: str = Field(max_length=512)
    namespace: str
    ended: bool
    left: list[int] = []


class Reported(Wire):
    """What an instance reports of itself with each heartbeat, and what is shown of it. None: not reported."""

    uptime_secs: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    active_dispatches: int = 0
    queued_dispatches: int = 0
    max_concurrent: int = 0
    adapter: str = Field(default="", max_length=512)
    adapters: list[AdapterOut] | None = Field(default=None, max_length=256)
    """None when it has not reported them: it is older, or was not heard from yet."""
    store_records: int | None = None
    store_bytes: int | None = None
    memory_bytes: int | None = None
    """Resident memory of its daemon."""
    memory_growth_bytes: int | None = None
    """By how much that grew since it began to serve; negative when it has shrunk."""
    log: LogState | None = None
    """The state of its log; null from an older instance."""
    backed_up: str = Field(default="", max_length=1024)
    """The loop and the thread that have waited for half a minute or more, in words; empty when none has."""
    pid: int | None = None
    permissions: bool | None = None
    """Whether it enforces permission rules."""
    clock_ahead_secs: float | None = Field(default=None, allow_inf_nan=False)
    """How far its wall clock is ahead of the coordinator's, as the heartbeat before measured it; negative
    when it is behind."""
    round_trip_secs: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="how long its heartbeat before took, to the coordinator and back",
    )
    unended: list[Unended] = []


class InstanceOut(Reported):
    """One instance of the fleet."""

    did: str
    alias: str
    role: InstanceRole
    endpoint: str
    status: InstanceStatus
    health: str
    version: str
    since: float
    last_heartbeat: float | None = None
    credential: Annotated[Literal["own", "shared", "revoked", ""], OPEN] = ""
    """How its latest heartbeat was authenticated: by its own credential, or by the fleet's shared token,
    which proves nothing (unverified). Empty when nothing is known.
    """

    refused: str = ""
    """Why heartbeats that still come under its name are refused; empty when none is."""
    link: LinkOut | None = Field(default=None, description="null for an instance that is connected to")
    credential_at: float | None = Field(
        default=None, description="when it got its present credential; null when it has none of its own"
    )
    protocol: int = Field(default=0, description="the version of what it says; 0: not known")


class DispatchOut(Wire):
    """A subtask that an instance was assigned and has not reported yet."""

    thread: str
    alias: str
    index: int
    goal: str
    child_thread: str
    instance: str
    attempt: int
    started_at: float
    began_at: float | None = Field(
        default=None, description="since when it runs; None while that is not known"
    )
    lost_at: float | None = Field(
        default=None, description="when it was lost: its instance has left or is archived since, unix seconds"
    )
    queued: bool = Field(default=False, description="its instance has it and is not running it yet")
    why: str = Field(default="", description="what keeps it from running, in words")
    hangs: bool = Field(default=False, description="it will have no result as things stand")
    cost_usd: float = 0.0
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    budget_usd: float | None = None
    timeout_secs: float | None = None
    progress: str = Field(default="", description="what its agent last said of its progress")
    progress_at: float | None = Field(default=None, description="when it said so, unix seconds")


class RunningDispatch(DispatchOut):
    """GET /v1/dispatches: what an instance is working on now."""

    instance_alias: str | None = None
    elapsed_secs: float


class Dispatched(Wire):
    """POST /v1/dispatch: the task that was given to an instance, and the record that requests it."""

    thread: str
    alias: str
    goal: str
    target: str
    attempt: int
    record: str


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
    cause: str = Field(default="", description="the part of the explanation that names subtasks")
    hangs: list[int] = Field(default=[], description="subtasks that will have no result as things stand")
    asking: list[int] = Field(default=[], description="subtasks that wait for an operator's word")
    questions: list[int] = Field(default=[], description="subtasks with a question that waits for an answer")
    unreviewed: list[int] = Field(
        default=[], description="subtasks for whose review the join waits, once nothing else can satisfy it"
    )
    started_at: float
    cost_usd: float
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    budget_usd: float | None = None


class FleetStatus(Wire):
    """GET /v1/fleet/status, and each event of GET /v1/fleet/watch."""

    at: float = Field(description="the daemon's clock when it made this answer")
    version: str
    coordinator_did: str
    coordinator_url: str
    role: InstanceRole
    heartbeat_interval_secs: float
    live: int
    stale: int
    archived: int
    instances: list[InstanceOut]
    dispatches: list[DispatchOut]
    fanouts: list[FanOutProgress]
    joined: list[str] = Field(
        default=[], description="threads of the fan-outs that joined last, the newest last: a few, for who "
        "sees nothing of a short one but its end"
    )  # fmt: skip
    freezes: list[FreezeOut] = []
    emergency: bool = False
    drains: list[DrainOut] = Field(default=[], description="in force, as far as this instance knows")
    leader: LeaderOut | None = Field(default=None, description="null from an older daemon")
    paused: list[PauseOut] = Field(default=[], description="providers on which nothing starts")
    collisions: list[CollisionOut] = Field(
        default=[], description="running subtasks that have touched the same files"
    )
    rules: list[FleetRule] = Field(
        default=[], description="of the whole fleet: in force, or not confirmed by every live instance yet"
    )
    starting: str = Field(
        default="", description="how much of its log the daemon has read; while this says something, work is "
        "not known yet: dispatches, fan-outs and tasks are missing here"
    )  # fmt: skip
    ingested_total: int
    reconcile_queue_depth: int
    records: int
    log: LogState = LogState()
    """The state of this instance's own log."""
    tasks_revision: int = Field(description="raised whenever a task changed: time to ask /v1/tasks again")


class StartOut(Wire):
    """One start of an attempt: when (unix seconds), where, the goal's first process, and how it ended."""

    model_config = ConfigDict(defer_build=False)

    at: float = Field(ge=0, allow_inf_nan=False)
    instance: str = Field(max_length=512)
    pid: int = Field(default=0, ge=0, description="0 when there was none, or it is not known")
    ended: str = Field(default="", max_length=512, description="a word; empty unless it came to nothing")
    taken_back: bool = Field(
        default=False, description="a daemon took over a run that had continued without it"
    )


class QuotaSpent(Wire):
    """What a provider told an instance: its quota is spent."""

    model_config = ConfigDict(defer_build=False)

    provider: str = Field(
        max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$", description="what adapters call it"
    )
    secs: float = Field(gt=0, allow_inf_nan=False, description="seconds until the quota is filled again")
    seen: float = Field(
        ge=0, allow_inf_nan=False, description="when the instance heard it, unix seconds by its own clock"
    )


class RunningSpend(Wire):
    """A running goal, its spend (US dollars), and its start (unix seconds)."""

    model_config = ConfigDict(defer_build=False)

    child_intend: str = Field(max_length=64)
    child_thread: str = Field(max_length=512)
    cost_usd: float = Field(ge=0, allow_inf_nan=False)
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    budget_usd: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="what it may spend, by its adapter's config too"
    )
    began_at: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    starts: list[StartOut] = Field(default=[], max_length=16)
    touched: list[Annotated[str, Field(max_length=256)]] = Field(
        default=[], max_length=50, description="files that it has touched in its worktree, as last seen"
    )
    progress: str = Field(default="", max_length=500, description="what its agent last said of its progress")
    progress_at: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="when it said so, unix seconds"
    )


class OpenAttempt(Wire):
    """An attempt that an instance runs, or will run as soon as it can."""

    model_config = ConfigDict(defer_build=False)

    child_intend: str = Field(max_length=64)
    parent_thread: str = Field(max_length=512)
    index: int
    attempt: int


class Heartbeat(Reported):
    """POST /v1/fleet/heartbeat: a lease, not a record."""

    # The web framework needs the models of request bodies to be built.
    model_config = ConfigDict(defer_build=False)

    did: str = Field(min_length=1, max_length=512)
    alias: str = Field(min_length=1, max_length=512)
    role: Literal["coordinator", "worker"]
    endpoint: str = Field(max_length=2048)
    version: str = Field(max_length=64)
    health: Literal["healthy", "draining"] = "healthy"
    uptime_secs: float = Field(ge=0, allow_inf_nan=False)
    leaving: bool = Field(default=False, description="the last beat of an instance that stops")
    control: str = Field(default="", max_length=64, description="digest of what the instance enforces")
    control_version: str | None = Field(
        default=None, max_length=64, description="the version that an answer must build on"
    )
    control_grace: dict[str, float] = Field(
        default={}, description="seconds left of each grace, by the record of the freeze"
    )
    spend: list[RunningSpend] = Field(default=[], description="what each running goal has spent so far")
    open: list[OpenAttempt] = Field(default=[], description="told by an instance that was away")
    held: list[str] = Field(default=[], description="child INTENDs that a drain keeps from beginning here")
    quotas: list[QuotaSpent] = Field(
        default=[], max_length=32, description="providers whose quota is spent, not answered to yet"
    )
    asks_credential: bool = Field(
        default=False,
        description="it was pointed at another coordinator, and asks how that one identifies itself",
    )
    leading: LeadingTold | None = Field(default=None, description="who leads, as far as the instance knows")
    protocol: int = Field(default=0, description="the version of what it says; 0: it is older than that")
    next_credential: str = Field(
        default="", max_length=64, description="SHA-256 of the secret that is to replace its own"
    )

    @property
    def is_stopping(self) -> bool:
        """Whether the instance is about to stop, or says so for the last time."""
        return self.leaving or self.health == "draining"


class HeartbeatAnswer(Wire):
    """The coordinator's answer to an instance.

    `control`: records of the control threads, and ends of attempts that it must not run. With a `base` they
    apply only while the instance's control version is that; with `replace` they are everything in force.
    """

    coordinator: str
    heartbeat_interval_secs: float
    status: InstanceStatus
    control: list[dict[str, Any]] = []
    base: str | None = None
    replace: bool = False
    grace: dict[str, float] = {}
    now: float | None = Field(default=None, description="the coordinator's wall clock")
    paused: list[PauseOut] | None = Field(default=None, description="providers on which nothing starts")
    credential: str = Field(
        default="",
        description="SHA-256 of the secret that the coordinator presents to an instance that asked for it",
    )
    leading: LeadingTold | None = Field(default=None, description="who leads; null in the first term")
    renew: bool = Field(default=False, description="the instance is to make another secret of its own")
    renewed: str = Field(default="", description="SHA-256 of the next secret, once it is accepted")


class ControlMessage(Wire):
    """POST /v1/fleet/control: a coordinator's message to a worker. `to`: the worker's DID.

    `records` are the coordinator's own; with `replace` they are everything in force, otherwise the changes.
    It has no effect unless the worker's control version is `base`. `grace`: the remaining seconds of each, by
    the freeze's record.
    """

    model_config = ConfigDict(defer_build=False)

    coordinator: str = Field(max_length=512)
    to: str = Field(max_length=512)
    base: str = Field(max_length=64)
    replace: bool = False
    records: list[dict[str, Any]] = []
    grace: dict[str, float] = {}
    leading: LeadingTold | None = Field(default=None, description="who leads; null in the first term")


class ControlAnswer(Wire):
    """What the worker enforces now: `digest`, the rest of each `grace` (seconds), and the `version` that the
    next message must build on.
    """

    did: str
    taken: bool
    version: str
    digest: str
    grace: dict[str, float] = {}
