"""Replay: a thread walked record by record, with the state before and after each; and two threads compared.

Positions count the records of a thread in log order, from 1; position 0 is before the first record.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.records import RecordOut
from syncropel.wire.tasks import JoinStatus, TaskDetail
from syncropel.wire.threads import ThreadSummary

FactValue = str | int | float | bool | None


class Fact(Wire):
    """One named value of a folded state. A name that ends in `_usd` is money, in `_secs` a duration."""

    name: str
    value: FactValue


class ReplayFrame(Wire):
    """One record, and what it did to the state of its thread.

    `hash` is recomputed from the record's content; `hash_ok` says whether it equals the record's id.
    """

    position: int
    record: RecordOut
    hash: str
    hash_ok: bool
    status_before: str
    status_after: str
    before: list[Fact]
    after: list[Fact]
    changed: list[str] = Field(description="names of facts that are new, gone, or have another value")


class ReplayPage(Wire):
    """GET /v1/threads/{id or alias}/replay. `next_cursor` is a position, for `since`."""

    object: Literal["list"] = "list"
    thread: ThreadSummary
    total: int
    data: list[ReplayFrame]
    next_cursor: int | None = None


class ReplayMoment(Wire):
    """GET /v1/threads/{id or alias}/replay/{position}: a thread as of that position.

    `thread` is as it is now; `status`, `facts`, `task`, and `join` are as they were. `frame` is the record at
    this position, None at 0. `next_change` and `previous_change` are the nearest positions at which the
    status changes. `revision` grows when the thread does.
    """

    thread: ThreadSummary
    position: int
    total: int
    revision: int
    status: str
    facts: list[Fact]
    frame: ReplayFrame | None = None
    task: TaskDetail | None = None
    join: JoinStatus | None = None
    previous_change: int | None = None
    next_change: int | None = None


class StatusChange(Wire):
    """The record at `position` changes the thread's status from `status_before` to `status_after`."""

    position: int
    status_before: str
    status_after: str
    record: str
    act: str
    topic: str
    actor: str


class StatusChanges(Wire):
    """GET /v1/threads/{id or alias}/replay/changes"""

    object: Literal["list"] = "list"
    thread: ThreadSummary
    total: int
    data: list[StatusChange]


class ComparedRecord(Wire):
    """A summary of a record on one side of a comparison."""

    position: int
    id: str
    act: str
    topic: str
    actor: str
    clock: int
    status_after: str


class ComparedRow(Wire):
    """Two records that stand for the same step, or one that the other side lacks.

    `kind`: `same` (the same record, or the same content except for ids, times, and clocks), `differs` (the
    same step with other content, named in `differences`), `left` and `right` (on one side only).
    """

    kind: Annotated[Literal["same", "differs", "left", "right"], OPEN]
    step: str = Field(description="what the two have in common, such as `fanout_child_done [2] attempt 1`")
    left: ComparedRecord | None = None
    right: ComparedRecord | None = None
    differences: list[str] = []


class ComparedFact(Wire):
    """A fact of the two current folded states."""

    name: str
    left: FactValue
    right: FactValue
    same: bool


class ComparedSide(Wire):
    """One of the two threads as a whole. Seconds and US dollars; None where the thread has no value."""

    thread: ThreadSummary
    records: int
    status: str
    wall_secs: float | None
    cost_usd: float | None


class ThreadDiff(Wire):
    """GET /v1/threads/{id or alias}/diff?with=OTHER&since=ROWS&limit=N

    `rows` are in the order of the left thread, with steps only in the right at their place between them:
    those after the first `since`, of `total_rows`. Everything else is about the whole of both.
    `first_divergence` is the index into `rows` of the first that is not `same`; None when there is none.
    """

    left: ComparedSide
    right: ComparedSide
    rows: list[ComparedRow]
    total_rows: int
    next_cursor: int | None = None
    first_divergence: int | None
    facts: list[ComparedFact]
    same: int
    differs: int
    left_only: int
    right_only: int
