"""The control fold: which freezes are in force, from `freeze` and `unfreeze` on the fleet control thread.

Soft: new INTEND, DO, CALL, PUT and MAP are refused; KNOW and LEARN pass, so running work drains; GET passes
too: it only reads. Hard: soft, and after its grace every write is refused. Emergency: soft for the whole
fleet. A freeze covers its namespace and all below it; freezes of different namespaces overlap and lift one by
one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from syncropel.folds.fanout import Key, number
from syncropel.folds.namespaces import DEFAULT, lineage
from syncropel.folds.order import NEVER, word_key
from syncropel.folds.told import said_first
from syncropel.record import StoredRecord
from syncropel.threads import FLEET_CONTROL

FREEZE: Final = "freeze"
UNFREEZE: Final = "unfreeze"
NAMESPACE_LEVELS: Final = ("soft", "hard")
EMERGENCY: Final = "emergency"
DEFAULT_GRACE_SECS: Final = 60.0
STOPPED_ACTS: Final = frozenset({"INTEND", "DO", "CALL", "PUT", "MAP"})
"""Acts that begin or change something: what every freeze refuses."""

Level = Literal["soft", "hard", "emergency"]
EVERYWHERE: Final = "*"
"""Stands for the whole fleet where a freeze's namespace is asked for."""


def places_over(namespace: str) -> list[str]:
    """The places whose freezes cover this namespace, outermost first."""
    return [EVERYWHERE, DEFAULT] if namespace == DEFAULT else [EVERYWHERE, *lineage(namespace)]


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze in force. `grace_secs` counts from `at`, unix seconds. `actor` set it, with `record`."""

    level: Level
    namespace: str
    reason: str
    grace_secs: float
    terminate: bool
    at: float
    actor: str
    record: str
    key: Key

    def hard_at(self) -> float | None:
        """When every write of the namespace is refused; None when it never comes to that."""
        return self.at + self.grace_secs if self.level == "hard" else None


@dataclass(slots=True)
class Control:
    """Freezes by namespace, the emergency under `*`. Applying records in any order gives the same state."""

    freezes: dict[str, Freeze] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        level = body.get("level", "soft")
        place = EVERYWHERE if level == EMERGENCY else body.get("namespace")
        key = word_key(record)
        if record.topic not in (FREEZE, UNFREEZE) or not isinstance(place, str):
            return
        if self.latest.get(place, NEVER) >= key:
            return
        self.latest[place] = key
        if record.topic == UNFREEZE:
            self.freezes.pop(place, None)
        elif level in (*NAMESPACE_LEVELS, EMERGENCY):
            self.freezes[place] = Freeze(
                level,
                place,
                str(body.get("reason", "")),
                number(body.get("grace_secs", DEFAULT_GRACE_SECS)),
                body.get("terminate") is True,
                number(body.get("at")),
                *said_first(record),
                key,
            )

    @property
    def emergency(self) -> Freeze | None:
        return self.freezes.get(EVERYWHERE)

    def covering(self, namespace: str) -> list[Freeze]:
        """The freezes over this namespace, outermost first."""
        if not self.freezes:
            return []
        return [self.freezes[place] for place in places_over(namespace) if place in self.freezes]

    def refusal(self, act: str, namespace: str, now: float) -> Freeze | None:
        """The freeze that refuses a record of this act in this namespace at this time, or None."""
        for freeze in self.covering(namespace):
            if act in STOPPED_ACTS:
                return freeze
            hard_at = freeze.hard_at()
            if hard_at is not None and now >= hard_at:
                return freeze
        return None

    def active(self) -> list[Freeze]:
        """Every freeze in force, oldest first."""
        return sorted(self.freezes.values(), key=lambda freeze: (freeze.at, freeze.namespace))
