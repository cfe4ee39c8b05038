"""The drain fold: which instances are being emptied, from `drain` records on the fleet control thread.

A draining instance continues what it has begun and begins nothing else. At the deadline the rest is moved or
ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.base.provenance import original_author
from syncropel.folds.fanout.state import Key, number
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL

DRAIN: Final = "drain"
WHOLE_FLEET: Final = "*"
"""Stands for every instance, in place of a drain's instance."""

Then = Literal["reassign", "end"]
THENS: Final = ("reassign", "end")


@dataclass(frozen=True, slots=True)
class Drain:
    """A drain in force. `deadline` and `at` in unix seconds; without a deadline it waits for ever.

    `instance` is a DID, or `*` for the whole fleet.
    """

    instance: str
    deadline: float | None
    then: Then
    reason: str
    at: float
    actor: str
    record: str
    key: Key

    def is_due(self, now: float) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and now >= self.deadline


@dataclass(slots=True)
class Drains:
    """Drains by instance. Applying records in any order gives the same state."""

    drains: dict[str, Drain] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        """Apply one control record."""
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        instance, state = body.get("instance"), body.get("state")
        if record.topic != DRAIN or not isinstance(instance, str) or state not in ("start", "stop"):
            return
        key = word_key(record)
        if self.latest.get(instance, NEVER) >= key:
            return
        self.latest[instance] = key
        if state == "stop":
            self.drains.pop(instance, None)
            return
        deadline = body.get("deadline")
        self.drains[instance] = Drain(
            instance,
            number(deadline) if isinstance(deadline, int | float) else None,
            "end" if body.get("then") == "end" else "reassign",
            str(body.get("reason", "")),
            number(body.get("at")),
            *original_author(record),
            key,
        )

    def covering(self, did: str) -> list[Drain]:
        """The drains that apply to this instance, the fleet's own first."""
        if not self.drains:
            return []
        return [self.drains[place] for place in (WHOLE_FLEET, did) if place in self.drains]
