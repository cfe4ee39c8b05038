"""The result of one attempt, as its instance reported it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """DO fanout_child_done: the result of an attempt."""

    key: tuple[int, str]
    """(clock, id) of the record."""
    worker: str
    verdict: str
    summary: str
    cost_usd: float
    wall_time_secs: float
    at: float
    output: str | None = None
    reason: str = ""
    taken_at: float = field(default=float("inf"), compare=False)
    """When the report was appended, in unix seconds."""
    cost_known: bool = True
    """Whether `cost_usd` is the complete cost; if not, it is the known part."""
    agent: dict[str, Any] | None = field(default=None, hash=False)
    """A coding agent's report about its run."""
    worktree: dict[str, Any] | None = field(default=None, hash=False)
    """What it left in its git worktree."""
    gate: dict[str, Any] | None = field(default=None, hash=False)
    """Result of its repository's gate command."""
    budget_usd: float | None = None
    """Its budget in US dollars, where that was not its subtask's own."""

    @property
    def ended_at(self) -> float:
        """When the attempt ended, in unix seconds: a worker's clock may be ahead, or missing."""
        return min(self.at or self.taken_at, self.taken_at)
