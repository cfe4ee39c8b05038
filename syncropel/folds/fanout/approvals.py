"""Ask-in-the-loop: which subtasks wait for an operator's decision before they start, and the decisions.

LEARN `aitl_asked` is the coordinator's, LEARN `aitl_answered` an operator's. Both are on the parent thread
and name the attempt, so a duplicate or late record changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

ASKED: Final = "aitl_asked"
ANSWERED: Final = "aitl_answered"
TOPICS: Final = frozenset({ASKED, ANSWERED})
_LATEST: Final = 1e15
REJECTED: Final = "rejected"
"""The reason when an operator did not let an attempt begin."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One attempt that waits, or waited, for a decision. `verdict`: accept, reject, or empty
    while it waits."""

    attempt: int
    rule: str
    problem: str
    verdict: str = ""
    at: float = 0.0
    """When it was asked, unix seconds."""


def asked(body: dict[str, Any], attempt: int, before: Ask | None) -> Ask | None:
    """The state after `aitl_asked` about a subtask with this current attempt."""
    if body.get("attempt") != attempt or before is not None:
        return before
    at = body.get("at")
    since = float(at) if isinstance(at, int | float) and abs(at) < _LATEST else 0.0
    return Ask(attempt, str(body.get("rule", "")), str(body.get("problem", "")), at=since)


def answers(body: dict[str, Any], before: Ask | None) -> str:
    """The verdict in `aitl_answered`; empty when it answers no open question."""
    verdict = body.get("verdict")
    if before is None or before.verdict or body.get("attempt") != before.attempt:
        return ""
    return verdict if verdict in ("accept", "reject") else ""
