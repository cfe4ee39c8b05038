"""What changes the course of a running fan-out: work moved from an instance, ended early, out of budget.

Every record here is a LEARN on the parent thread. Each names its attempt, so a duplicate, or one overtaken by
a retry, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.folds.fanout.spec import positive_number
from syncropel.folds.fanout.starts import Start, read_starts

REASSIGN: Final = "fanout_reassign_subtask"
END: Final = "fanout_end_subtask"
BUDGET_WARNING: Final = "fanout_budget_warning"
BUDGET_EXCEEDED: Final = "fanout_budget_exceeded"
AMEND_BUDGET: Final = "fanout_amend_budget"
TOPICS: Final = frozenset({REASSIGN, END, BUDGET_WARNING, BUDGET_EXCEEDED, AMEND_BUDGET})

SUPERSEDED: Final = "superseded"
"""The reason for ending an attempt: a newer one exists."""
OVER_BUDGET: Final = "budget_exceeded"
"""The reason for ending an attempt: it, or its fan-out, has spent its budget."""
DRAINED: Final = "drained"
"""The reason for ending an attempt: the deadline of its instance's drain has passed."""

WARN_SHARE: Final = 0.8
"""The share of a budget from which on a warning is given."""
_CENT_FRACTION: Final = 1e-9


def spends(spent_usd: float, budget_usd: float | None, share: float = 1.0) -> bool:
    """Whether this amount is at least that share of the budget; rounding errors in sums of cents
    are ignored."""
    return budget_usd is not None and spent_usd >= budget_usd * share - _CENT_FRACTION


@dataclass(frozen=True, slots=True)
class Reassignment:
    """LEARN fanout_reassign_subtask: this attempt was taken from its instance; the next goes elsewhere."""

    attempt: int
    instance: str
    reason: str
    starts: tuple[Start, ...] = ()
    """Its starts there, as far as the coordinator knows; all of them failed to produce a result."""
    began_at: float | None = None
    """When it began to run there (unix seconds); None when it did not, or that is unknown."""
    lost_at: float | None = None
    """When its instance was last known to work; None when it was not lost with its instance."""


@dataclass(slots=True)
class Reassignments:
    """What was moved or ended, by index and attempt. `warned` and `exceeded`: the fan-out's own budget;
    `budget_usd`: an operator's amendment of it, if any.
    """

    reassigned: dict[int, list[Reassignment]] = field(default_factory=dict)
    ended: dict[tuple[int, int], str] = field(default_factory=dict)
    warned: bool = False
    exceeded: bool = False
    budget_usd: float | None = None

    def apply(self, topic: str, body: dict[str, Any], attempts: dict[int, int]) -> None:
        """Apply one record. `attempts`: the current attempt of the subtask it names, or empty."""
        if topic == AMEND_BUDGET:
            self._amend(positive_number(body.get("budget_usd")))
        elif self.budget_usd is not None and body.get("budget_usd") != self.budget_usd:
            pass  # about a budget that was amended meanwhile
        elif topic == BUDGET_WARNING:
            self.warned = True
        elif topic == BUDGET_EXCEEDED:
            self.exceeded = True
        index, attempt = body.get("index"), body.get("attempt")
        if type(index) is not int or type(attempt) is not int or index not in attempts:
            return
        reason = str(body.get("reason", ""))
        if topic == REASSIGN and attempt == attempts[index]:
            starts = read_starts(body.get("starts"))
            began_at, lost_at = positive_number(body.get("began_at")), positive_number(body.get("lost_at"))
            taken = Reassignment(attempt, str(body.get("from", "")), reason, starts, began_at, lost_at)
            self.reassigned.setdefault(index, []).append(taken)
        elif topic == END and 1 <= attempt <= attempts[index]:
            self.ended.setdefault((index, attempt), reason or DRAINED)

    def _amend(self, budget_usd: float | None) -> None:
        if budget_usd is not None:
            self.budget_usd, self.warned, self.exceeded = budget_usd, False, False
