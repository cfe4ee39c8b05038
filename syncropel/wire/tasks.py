"""Tasks, fan-outs, and their joins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from syncropel.wire.agents import AgentOut, GateOut
from syncropel.wire.base import OPEN, Wire
from syncropel.wire.merges import CollisionOut, MergedInto, MergeOut
from syncropel.wire.questions import AskOut, MessageOut, TalkOut
from syncropel.wire.reviews import ReviewOut, WorktreeLeft

ChildState = Annotated[
    Literal["pending", "blocked", "in_progress", "accept", "reject", "failed", "timeout", "terminated"], OPEN
]


class TaskSummary(Wire):
    """One row of GET /v1/tasks."""

    thread: str
    alias: str
    goal: str
    status: str
    priority: str
    domain: str
    namespace: str
    parent_thread: str = Field(default="", description="the task or subtask that it is a part of")
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
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")


class TaskMark(Wire):
    """The result of a fold rule for a task's records; `problem` says why there is none."""

    name: str
    value: Any = None
    problem: str = ""


class ChildThreadOut(Wire):
    """A child thread of a thread: `status` is the child's own, `result` what the parent was told."""

    thread: str
    goal: str = ""
    fork: str = Field(default="", description="the INTEND that forked it; empty when only the child says so")
    status: str = Field(default="", description="empty while it has no record here")
    result: str | None = Field(default=None, description="accept, reject, failed or cancelled")
    summary: str = Field(default="", description="the sentence that the parent was told")
    closed_at: float | None = None
    problem: str = Field(default="", description="why it does not count as a child; empty when it does")
    held: str = Field(default="", description="why its work was not begun, or its parent not told, yet")


class ChildrenJoin(Wire):
    """The join of a thread over its child threads."""

    join: str
    complete: bool
    satisfiable: bool
    explanation: str
    problem: str = Field(default="", description="why the join cannot be evaluated; empty when it can")


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
    marks: list[TaskMark] = []
    trigger: str = Field(default="", description="the trigger that opened it, if one did")
    triggered_by: str = Field(default="", description="id of the record that it was opened for")
    budget_usd: float | None = Field(default=None, description="of its fan-out, as amended last")
    talk: TalkOut | None = Field(default=None, description="what its subtasks ask and hear; null for nothing")
    children: list[ChildThreadOut] = Field(default=[], description="child threads, its parts among them")
    children_join: ChildrenJoin | None = Field(default=None, description="when its children close it")
    collisions: list[CollisionOut] = Field(
        default=[], description="files that running subtasks of it and others have touched"
    )
    merges: list[MergeOut] = Field(default=[], description="merges of its branches, the latest first")
    reviews: list[ReviewOut] = Field(default=[], description="of its subtasks' attempts, the latest first")


class AttemptOut(Wire):
    """One attempt at a subtask. Unix seconds; None where it did not get that far, or that is not known."""

    attempt: int
    state: ChildState
    instance: str
    instance_alias: str = ""
    spawned_at: float
    began_at: float | None = None
    finished_at: float | None = None
    lost_at: float | None = Field(default=None, description="when it was lost with its instance")
    reason: str = Field(default="", description="a word: why it was ended, such as budget_exceeded")
    summary: str = ""
    last_words: str = Field(default="", description="the last line of the summary that says something")
    cost_usd: float = 0.0
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    tokens: int | None = Field(default=None, description="as its agent says; None when they are not known")
    model: str = Field(default="", description="the model that its agent used, or was to use")
    wall_time_secs: float | None = None
    gate: GateOut | None = Field(default=None, description="the result of its repository's gate command")
    hint: str = Field(default="", description="what it was told because of a retry or a review")
    worktree: WorktreeLeft | None = Field(
        default=None, description="as it ended; null: it has none, has not ended, or its instance cannot tell"
    )
    reviews: list[ReviewOut] = Field(default=[], description="what was said of it, the oldest first")
    merged: MergedInto | None = Field(default=None, description="where its branch was merged; null: nowhere")


class AttemptList(Wire):
    """GET /v1/tasks/{alias or thread}/subtasks/{index}/attempts"""

    object: Literal["attempts"] = "attempts"
    thread: str
    alias: str
    namespace: str
    index: int
    goal: str
    repo: str | None = Field(default=None, description="the repository that it works on, by its name there")
    adapter: str | None = None
    latest: int = Field(description="number of the current attempt, which may not have begun")
    state: ChildState
    joined: bool = Field(description="its fan-out is over: no attempt of it is rejected any more")
    not_approvable: str = Field(
        default="", description="why the latest one cannot be approved; empty: it can"
    )
    not_rejectable: str = Field(
        default="", description="why the latest one cannot be rejected; empty: it can"
    )
    dependents: list[int] = Field(
        default=[], description="subtasks that depend on it, also through others, and have begun"
    )
    data: list[AttemptOut] = Field(description="its attempts that were given to an instance, the first first")


class StopOut(Wire):
    """The namespace was frozen from `begin` to `end` (unix seconds); `end` is None while it is."""

    begin: float
    end: float | None


class AddedByOut(Wire):
    """Which attempt asked for a subtask that no operator did."""

    index: int = Field(description="the subtask whose agent asked for it")
    attempt: int = Field(description="the attempt of that subtask")
    depth: int = Field(description="1 when an operator's subtask asked for it, 2 when one of these did, …")
    at: float = Field(description="when it was added, unix seconds")


class RefusedSubtaskOut(Wire):
    """A subtask that an agent asked for and that was not added."""

    index: int = Field(description="the subtask whose agent asked for it")
    attempt: int = Field(description="the attempt of that subtask")
    goal: str
    reason: str = Field(description="why it was not added")
    at: float = Field(description="when that was decided, unix seconds")


Standing = Annotated[Literal["", "lost", "not_begun", "not_spawned"], OPEN]


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
    asked: str = Field(default="", description="the rule by which it waits for an operator's decision")
    asks: AskOut | None = Field(default=None, description="what it waits for an answer to; null for nothing")
    said: MessageOut | None = Field(
        default=None, description="the last message to it, and what became of that; null for none"
    )
    verdict: str | None = None
    reason: str = Field(default="", description="a word: why it was ended, such as budget_exceeded")
    summary: str = ""
    last_words: str = Field(default="", description="the last line of the summary that says something")
    output: str | None = Field(default=None, description="file on the worker with the full output")
    cost_usd: float = 0.0
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    budget_usd: float | None = None
    budget_tokens: int | None = None
    repo: str | None = Field(default=None, description="the repository that it works on, by its name there")
    wall_time_secs: float | None = None
    timeout_secs: float | None = None
    model: str = Field(default="", description="the model that was asked for; empty for the adapter's own")
    agent: AgentOut | None = Field(default=None, description="what a coding agent said of its run")
    gate: GateOut | None = Field(default=None, description="the result of its repository's gate command")
    attempt: int = 0
    depends_on: list[int] = []
    waits_for: list[int] = []
    added_by: AddedByOut | None = Field(default=None, description="null for one that the operator asked for")
    child_thread: str | None = None
    spawned_at: float | None = None
    began_at: float | None = Field(default=None, description="when it began to run, as far as is known")
    finished_at: float | None = None
    lost_at: float | None = Field(
        default=None, description="when it was lost: its instance has left or is archived since, unix seconds"
    )
    standing: Standing = Field(
        default="",
        description="true state of a subtask without a result, where `state` would mislead: lost with its "
        "instance; not begun, or not spawned, when the fan-out was over",
    )
    queued: bool = Field(default=False, description="its instance has it and is not running it yet")
    hangs: bool = Field(default=False, description="it will have no result as things stand")
    earlier: list[AttemptOut] = Field(default=[], description="the attempts before this one, in order")
    progress: str = Field(default="", description="what its agent last said of its progress")
    progress_at: float | None = Field(default=None, description="when it said so, unix seconds")
    adapter: str | None = None
    parts: list[TaskSummary] = Field(default=[], description="tasks that were made for this subtask")
    merged: MergedInto | None = Field(default=None, description="where its branch was merged; null: nowhere")
    worktree: WorktreeLeft | None = Field(
        default=None, description="as it ended; null: it has none, has not ended, or its instance cannot tell"
    )
    reviews: list[ReviewOut] = Field(default=[], description="of its attempts, the oldest first")


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
    problem: str = Field(default="", description="why the join cannot be evaluated; empty when it can")
    hint: str = Field(default="", description="what to do when it cannot be satisfied")
    blame: list[int] = Field(default=[], description="subtasks that keep the join from being satisfied")
    subtasks: list[ChildOut]
    parts: list[TaskSummary] = Field(default=[], description="tasks that are a part of this one as a whole")
    spawned: int
    completed: int
    accepted: int
    cost_usd: float
    cost_unknown: bool = Field(default=False, description="cost_usd is only what is known of the cost")
    budget_usd: float | None = Field(default=None, description="as amended last")
    asked_budget_usd: float | None = Field(default=None, description="what the fan-out was begun with")
    budget_exceeded: bool = Field(default=False, description="it is spent: nothing more is spawned")
    may_add: int = Field(default=0, description="how many subtasks its agents may add in all")
    add_depth: int = Field(default=1, description="how deep: with 1, an added subtask adds none")
    refused: list[RefusedSubtaskOut] = Field(
        default=[], description="subtasks that agents asked for in vain, the latest 20"
    )
    started_at: float
    joined_at: float | None = None
    stops: list[StopOut] = Field(default=[], description="when its namespace was frozen since it began")
    critical_path: list[int] = []
    speedup: float | None = Field(
        default=None, description="of one that joined: the sum of the walls by the time that it took"
    )
    revision: int


class SerialBaseline(Wire):
    """The serial run named by `--vs-serial`."""

    thread: str
    wall_secs: float
    cost_usd: float
    speedup: float | None


class MeasuredOut(Wire):
    """The measured times of a joined fan-out. Only results that existed by then count.

    `queued_secs`: how long subtasks waited between being assigned and begun, in total, and the longest wait;
    `slots`: how many goals its instances run at once, None when not all have reported it.
    """

    elapsed_secs: float
    work_secs: float = Field(description="sum of the walls")
    queued_secs: float
    longest_queue_secs: float
    slots: int | None
    speedup: float | None = Field(description="the work by the time that it took, at most the slots")


class Speedup(Wire):
    """GET /v1/tasks/{alias or thread}/speedup"""

    thread: str
    alias: str
    complete: bool
    subtasks: int
    walls: list[float | None] = Field(description="per subtask; None while it has no result")
    late: list[int] = Field(default=[], description="subtasks whose result came after the join: not counted")
    critical_path: list[int] = Field(description="indexes along the dependencies, first to last")
    has_dependencies: bool
    parallel_wall_secs: float = Field(description="sum of the walls along the critical path")
    elapsed_secs: float | None = Field(description="fan-out record to joined record, as measured")
    total_cost_usd: float
    cost_unknown: bool = Field(default=False, description="total_cost_usd is only what is known of the cost")
    serial_estimate_secs: float
    estimated_speedup: float | None
    measured: MeasuredOut | None = Field(default=None, description="of one that joined")
    serial: SerialBaseline | None = None
