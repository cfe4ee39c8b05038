"""The history of a task's attempts, for finding out why one died."""

from __future__ import annotations

from pydantic import Field

from syncropel.wire.agents import AgentOut, GateOut
from syncropel.wire.base import Wire
from syncropel.wire.fleet import StartOut
from syncropel.wire.reviews import WorktreeLeft
from syncropel.wire.tasks import ChildOut, ChildState, ChildThreadOut


class SubprocessExit(Wire):
    """How an attempt's process ended."""

    pid: int
    runtime_ms: int
    exit_code: int | None = Field(description="None when a signal ended it")
    signal: int | None = None
    of_command: bool = False
    """Whether the signal ended a command of the script, as an exit status of 128 + signal says."""


class AttemptDiagnosis(Wire):
    """One attempt of a subtask. Without a result it has neither subprocess nor completion."""

    index: int
    attempt: int
    goal: str
    state: ChildState
    instance: str
    instance_alias: str | None = None
    child_thread: str
    spawned_at: float
    finished_at: float | None = None
    wall_time_secs: float | None = None
    cost_usd: float = 0.0
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    agent: AgentOut | None = Field(default=None, description="what a coding agent said of its run")
    gate: GateOut | None = Field(default=None, description="the result of its repository's gate command")
    summary: str = ""
    output: str | None = Field(default=None, description="file on the worker with the full output")
    worktree: WorktreeLeft | None = None
    subprocess: SubprocessExit | None = None
    codepath: str | None = Field(default=None, description="a word: by which way it ended")
    failure_reason: str | None = None
    success: bool | None = None
    refused_reports: list[str] = Field(
        default=[], description="reports that the log did not take since the daemon started: by whom, and why"
    )
    starts: list[StartOut] = Field(default=[], description="each start, when there was more than one")
    advice: str = Field(default="", description="what this way of ending usually means, and what to do")


class Diagnosis(Wire):
    """GET /v1/tasks/{alias or thread}/diagnose. The attempts by index, then in order of creation."""

    thread: str
    alias: str
    goal: str
    status: str
    attempts: list[AttemptDiagnosis]


class TreeNode(ChildOut):
    """A subtask and its place: below the last of those that it waits for, or below the task."""

    parent: int | None
    depth: int = Field(description="0 right below the task")
    tasks: list[TaskTree] = Field(default=[], description="tasks that were made for this subtask")


class TaskTree(Wire):
    """GET /v1/tasks/{alias or thread}/tree. The nodes are depth first, siblings by index.

    A plain thread that has child threads has no alias and no nodes.
    """

    thread: str
    alias: str
    goal: str
    status: str
    cost_usd: float
    nodes: list[TreeNode]
    tasks: list[TaskTree] = Field(
        default=[], description="what belongs to it as a whole: tasks, and child threads that have children"
    )
    children: list[ChildThreadOut] = Field(default=[], description="the other child threads")
