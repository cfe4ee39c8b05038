"""The meter of one run: adds up its spend, warns once near its budget, and reports when that is used up."""

from __future__ import annotations

import logging
from typing import Any, Final

from syncropel.adapters import Outcome
from syncropel.folds.fanout.child import STREAM_EVENT, ChildIntend
from syncropel.folds.fanout.reassignments import DRAINED, OVER_BUDGET, SUPERSEDED, WARN_SHARE, spends
from syncropel.folds.fanout.spec import LARGEST
from syncropel.folds.fanout.starts import CRASH_LOOP

log = logging.getLogger("syncropel.engine.meter")

WARNING_EVENT: Final = "budget_warning"

_VERDICTS: Final = {
    CRASH_LOOP: "failed",
    OVER_BUDGET: "failed",
    SUPERSEDED: "terminated",
    DRAINED: "terminated",
}
_SUMMARIES: Final = {
    CRASH_LOOP: f"{CRASH_LOOP}: its instance went down each time it ran",
    OVER_BUDGET: "budget_exceeded: the fan-out has spent its budget",
    SUPERSEDED: "superseded by a newer attempt",
    DRAINED: "ended by the deadline of a drain",
}


def ended_by_coordinator(reason: str) -> Outcome:
    """The outcome of an attempt that the coordinator ended."""
    summary = _SUMMARIES.get(reason, f"ended by the coordinator: {reason}")
    return Outcome(_VERDICTS.get(reason, "terminated"), summary, reason=reason)


class Meter:
    """`spent`: US dollars so far, including what a previous process of this instance saw."""

    def __init__(self, intend: ChildIntend, budget_usd: float | None, spent: float) -> None:
        self._intend = intend
        self.budget_usd = budget_usd
        self._warned = spends(spent, budget_usd, WARN_SHARE)
        self.spent = spent

    def take(self, cost: float) -> dict[str, Any] | None:
        """Add a cost; return the body of the warning if this cost triggers it."""
        self.spent += cost
        if self._warned or not spends(self.spent, self.budget_usd, WARN_SHARE):
            return None
        self._warned = True
        told = {"event": WARNING_EVENT, "spent_usd": self.spent, "budget_usd": self.budget_usd}
        log.warning(
            "subtask %s has spent $%.2f of its budget of $%.2f",
            self._intend.body.get("index"),
            self.spent,
            self.budget_usd,
            extra={"thread_id": self._intend.thread},
        )
        return told

    @property
    def over(self) -> bool:
        return spends(self.spent, self.budget_usd)

    def outcome(self) -> Outcome:
        """The outcome of a run over its budget."""
        told = f"{OVER_BUDGET}: spent ${self.spent:.2f} of its budget of ${self.budget_usd or 0:.2f}"
        return Outcome("failed", told, reason=OVER_BUDGET)


def tellable(usd: float) -> float:
    """An amount that a heartbeat may report: an adapter may name negative ones, or reach infinity."""
    return min(LARGEST, max(0.0, usd))


def cost_in(kind: str, body: dict[str, Any]) -> float:
    """The cost in an observation, 0 when it has none."""
    cost = body.get("cost_usd")
    return float(cost) if kind == STREAM_EVENT and isinstance(cost, int | float) else 0.0
