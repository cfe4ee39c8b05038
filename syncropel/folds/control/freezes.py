"""The control fold: which freezes are in force, from `freeze` and `unfreeze` on the fleet control thread.

Soft: new INTEND, DO, CALL, PUT, and MAP are refused. KNOW and LEARN pass, so running work can finish; GET
passes too, since it only reads. Hard: as soft, and after its grace every write is refused. Emergency: soft
for the whole fleet. A freeze covers its namespace and everything below it; freezes of different namespaces
overlap and are lifted one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from syncropel.folds.base.order import NEVER, word_key
from syncropel.folds.base.provenance import original_author
from syncropel.folds.control.grace import Heard, Moment, heard_from
from syncropel.folds.control.namespaces import REMEMBERED, over
from syncropel.folds.fanout.state import Key, number
from syncropel.freeze_levels import (
    DEFAULT_GRACE_SECS,
    EMERGENCY,
    EVERYWHERE,
    HARD,
    NAMESPACE_LEVELS,
    SOFT,
    Level,
)
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL

FREEZE: Final = "freeze"
UNFREEZE: Final = "unfreeze"
STOPPED_ACTS: Final = frozenset({"INTEND", "DO", "CALL", "PUT", "MAP"})
"""Acts that begin or change something: what every freeze refuses."""


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze in force. `at`: unix seconds where it was set, by `actor`, with `record`.

    `heard`: when this instance began to count its grace, and what was left of it then.
    """

    level: Level
    namespace: str
    reason: str
    grace_secs: float
    terminate: bool
    at: float
    actor: str
    record: str
    key: Key
    heard: Heard


@dataclass(slots=True)
class Control:
    """Freezes by namespace, the emergency under `*`. Applying records in any order gives the same state."""

    freezes: dict[str, Freeze] = field(default_factory=dict)
    latest: dict[str, Key] = field(default_factory=dict)
    graces: dict[str, float | None] = field(default_factory=dict, compare=False)
    """Per record, when the grace of a hard freeze ends, on the boot clock; None before the first
    `pass_time`."""
    _covering: dict[str, tuple[Freeze, ...]] = field(default_factory=dict, compare=False, repr=False)
    """Cache of `covering` since the last change."""

    def apply(self, stored: StoredRecord) -> None:
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        level = body.get("level", SOFT)
        place = EVERYWHERE if level == EMERGENCY else body.get("namespace")
        key = word_key(record)
        if record.topic not in (FREEZE, UNFREEZE) or not isinstance(place, str):
            return
        if record.topic == FREEZE and level not in (*NAMESPACE_LEVELS, EMERGENCY):
            return
        if self.latest.get(place, NEVER) >= key:
            return
        self.latest[place] = key
        self._covering.clear()
        former = self.freezes.pop(place, None)
        if former is not None:
            self.graces.pop(former.record, None)
        if record.topic == FREEZE:
            freeze = self.freezes[place] = _freeze(level, place, record, key)
            if level == HARD:
                self.graces[freeze.record] = None

    def pass_time(self, now: Moment) -> None:
        """Begin new graces, and end those that are over."""
        if not self.graces:
            return
        for freeze in self.freezes.values():
            if freeze.record in self.graces:
                until = self.graces[freeze.record]
                if until is None:
                    until = self.graces[freeze.record] = now.boot + freeze.heard.left_at(now)
                if now.boot >= until:
                    del self.graces[freeze.record]

    def shorten(self, record: str, left: float, now: Moment) -> None:
        """Limit the rest of a grace to this many seconds."""
        until = self.graces.get(record)
        if until is not None:
            self.graces[record] = min(until, now.boot + left)

    def is_over(self, freeze: Freeze) -> bool:
        """Whether this freeze refuses every write. A grace that nobody began counts as over."""
        return freeze.level == HARD and self.graces.get(freeze.record) is None

    def lefts(self, now: Moment) -> dict[str, float]:
        """The rest of each hard freeze's grace in seconds, by record; 0 when it is over."""
        hard = (freeze.record for freeze in self.freezes.values() if freeze.level == HARD)
        untils = ((record, self.graces.get(record)) for record in hard)
        return {record: 0.0 if until is None else max(0.0, until - now.boot) for record, until in untils}

    @property
    def emergency(self) -> Freeze | None:
        return self.freezes.get(EVERYWHERE)

    def covering(self, namespace: str) -> tuple[Freeze, ...]:
        """The freezes that cover this namespace, outermost first."""
        if not self.freezes:
            return ()
        found = self._covering.get(namespace)
        if found is None:
            if len(self._covering) >= REMEMBERED:
                self._covering.clear()
            found = self._covering[namespace] = tuple(self._look_over(namespace))
        return found

    def _look_over(self, namespace: str) -> Iterator[Freeze]:
        if (everywhere := self.freezes.get(EVERYWHERE)) is not None:
            yield everywhere
        yield from (self.freezes[place] for place in over(namespace, self.freezes) if place != EVERYWHERE)

    def refusal(self, act: str, namespace: str) -> Freeze | None:
        """The freeze that refuses a record with this act in this namespace, or None."""
        for freeze in self.covering(namespace):
            if act in STOPPED_ACTS or self.is_over(freeze):
                return freeze
        return None

    def active(self) -> list[Freeze]:
        """Every freeze in force, oldest first."""
        return sorted(self.freezes.values(), key=lambda freeze: (freeze.at, freeze.namespace))


def _freeze(level: Level, place: str, record: Record, key: Key) -> Freeze:
    body = record.body
    grace, at = number(body.get("grace_secs", DEFAULT_GRACE_SECS)), number(body.get("at"))
    heard = heard_from(body) or Heard(grace, Moment(at, 0.0, ""))
    return Freeze(
        level,
        place,
        str(body.get("reason", "")),
        grace,
        body.get("terminate") is True,
        at,
        *original_author(record),
        key,
        Heard(min(heard.left, grace), heard.at),
    )
