"""Threads and their participants."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.fleet import DispatchOut
from syncropel.wire.tasks import ChildrenJoin, ChildThreadOut, TaskDetail


class ThreadSummary(Wire):
    """One row of GET /v1/threads."""

    id: str
    kind: Annotated[Literal["task", "child", "dispatch", "reserved", "other"], OPEN]
    title: str
    status: str = Field(
        description="of a task or a subtask its own; of other threads open, active, observed or closed"
    )
    records: int
    participants: int
    first_sequence: int
    last_sequence: int
    last_activity: float
    starts_with_intend: bool = Field(
        default=True, description="as every thread should; reserved threads need none"
    )


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
    opened_by: str | None = Field(description="who wrote the first INTEND")
    clock: int
    acts: dict[str, int]
    open_intends: list[str]
    closed_by: str | None = Field(default=None, description="id of the record that closed the thread")
    closed_as: str = Field(default="", description="fulfilled, cancelled or rejected")
    task: TaskDetail | None = None
    child: DispatchOut | None = None
    parent: str = Field(default="", description="the thread that this one is a child of")
    children: list[ChildThreadOut] = []
    children_join: ChildrenJoin | None = Field(default=None, description="when its children close it")
