"""What running goals have spent so far: the sum of their observations, by attempt.

A stream event says what was spent since the one before (`cost_usd`, US dollars above 0) and how far its
source was read (`cost_offset`, bytes), so that a restarted worker counts nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from syncropel.folds.fanout.child import STREAM_EVENT
from syncropel.folds.fanout.spec import LARGEST
from syncropel.record.model import StoredRecord


@dataclass(frozen=True, slots=True)
class Spent:
    """One attempt's spend, and where to read on."""

    usd: float = 0.0
    offset: int = 0


@dataclass(slots=True)
class Spend:
    """Spend by the id of the child INTEND. Applying records in any order gives the same state."""

    by_intend: dict[str, Spent] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Take one observation of a dispatch."""
        record, body = stored.record, stored.record.body
        intend, cost, offset = body.get("child_intend"), body.get("cost_usd"), body.get("cost_offset")
        if record.topic != STREAM_EVENT or not isinstance(intend, str):
            return
        if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 < cost <= LARGEST:
            return
        before = self.by_intend.get(intend, Spent())
        read = offset if type(offset) is int else 0
        self.by_intend[intend] = Spent(before.usd + float(cost), max(before.offset, read))

    def of(self, intend: str) -> Spent:
        """What this attempt has spent."""
        return self.by_intend.get(intend, Spent())
