"""What an adapter is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

Observe = Callable[[str, dict[str, Any]], Awaitable[None]]
"""Keeps an observation (kind, body) durably on the dispatch sub-thread before it returns."""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a subtask. `timeout_secs` is its time limit."""

    child_thread: str
    goal: str
    attempt: int
    timeout_secs: float
    budget_usd: float | None = None
    hint: str = ""
    cost_offset: int = 0
    """How far an earlier process read this attempt's cost file, in bytes."""
    content: str = ""
    """Path of a file that says more about the goal."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a job. `exit` holds what a subprocess left: code, signal, runtime in milliseconds.

    `cost_usd` is what was spent beyond the observations. `reason` is a word for programs: why it was ended.
    """

    verdict: str
    summary: str
    cost_usd: float = 0.0
    output: str | None = None
    exit: dict[str, Any] | None = None
    reason: str = ""
    worktree: dict[str, Any] | None = None
    """What it left in the git worktree that it ran in, if that was one."""


class Adapter(Protocol):
    """Runs goals. Cancelling `run` must end whatever it started."""

    name: str

    async def run(self, job: Job, observe: Observe) -> Outcome:
        """Run the goal within its time limit. Raises nothing: a failure is an Outcome."""
        ...

    async def end_orphan(self, session: dict[str, Any]) -> None:
        """End what a former process of this instance started and did not live to see through.

        `session` is the body of its session observation.
        """
        ...
