"""Why a task has its status, and when it would have joined with another predicate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncropel.wire.base import OPEN, Wire
from syncropel.wire.tasks import AttemptOut, ChildThreadOut, Standing, StopOut


class ProofOut(Wire):
    """A record that proves the statement; `shows` in words."""

    record: str
    shows: str


class TaskWhy(Wire):
    """GET /v1/tasks/{name}/why: one sentence, the records that prove it, and what would change it.

    A plain thread that has child threads has no alias."""

    thread: str
    alias: str
    status: str
    sentence: str
    proofs: list[ProofOut]
    hint: str = ""
    of_join: bool = Field(
        default=False, description="whether it is about the join, rather than a status that somebody set"
    )
    children: list[ChildThreadOut] = Field(default=[], description="child threads, its parts among them")


class JoinMoment(Wire):
    """The record that satisfied a join. `elapsed_secs` since the fan-out; `index` is the subtask that tipped
    it, None when no result did.
    """

    record: str
    index: int | None
    at: float
    elapsed_secs: float
    cost_usd: float
    accepted: int
    finished: int


class WhatIfBar(Wire):
    """One subtask on the timeline: unix seconds, None while it was not assigned, begun, or ended."""

    index: int
    goal: str
    state: str
    spawned_at: float | None
    began_at: float | None = None
    finished_at: float | None
    lost_at: float | None = None
    standing: Standing = ""
    earlier: list[AttemptOut] = []
    cost_usd: float


class WhatIf(Wire):
    """GET /v1/tasks/{name}/what-if?join=…: the real join and the hypothetical one.

    `outcome`: the hypothetical join is `sooner`, `later`, or `same`, `only` it would have joined, or it is
    `never` reached within the existing records.
    """

    thread: str
    alias: str
    join: str
    supposed: str
    outcome: Annotated[Literal["sooner", "later", "same", "only", "never"], OPEN]
    explanation: str
    started_at: float
    at: float = Field(default=0.0, description="the daemon's clock when it made this answer")
    real: JoinMoment | None
    then: JoinMoment | None
    stops: list[StopOut] = Field(default=[], description="when its namespace was frozen since it began")
    subtasks: list[WhatIfBar]
