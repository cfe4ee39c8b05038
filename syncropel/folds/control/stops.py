"""When which namespace was frozen: every freeze with its lifting, including past ones."""

from __future__ import annotations

from dataclasses import dataclass, field

from syncropel.folds.base.order import word_key
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import over
from syncropel.folds.fanout.state import Key, number
from syncropel.freeze_levels import EMERGENCY, EVERYWHERE
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL


@dataclass(frozen=True, slots=True)
class Stop:
    """A namespace was frozen from `begin` to `end` (unix seconds); `end` is None while it still is."""

    begin: float
    end: float | None


@dataclass(slots=True)
class Stops:
    """The history of each namespace. Applying records in any order gives the same state."""

    said: dict[str, dict[Key, tuple[float, bool]]] = field(default_factory=dict)
    """By namespace (`*` for the fleet) and record: when, and whether it freezes or lifts."""

    def apply(self, stored: StoredRecord) -> None:
        """Take one record."""
        record, body = stored.record, stored.record.body
        if record.thread != FLEET_CONTROL or record.act != "LEARN" or record.clock is None:
            return
        place = EVERYWHERE if body.get("level") == EMERGENCY else body.get("namespace")
        if record.topic in (FREEZE, UNFREEZE) and isinstance(place, str):
            at = number(body.get("at"), stored.received_at)
            self.said.setdefault(place, {})[word_key(record)] = (at, record.topic == FREEZE)

    def during(self, namespace: str, begin: float, end: float) -> list[Stop]:
        """When this namespace was frozen between two times (unix seconds), in order, without overlaps."""
        if not self.said:
            return []
        found = [one for place in {EVERYWHERE, *over(namespace, self.said)} for one in self._of(place)]
        merged: list[Stop] = []
        for one in sorted(found, key=lambda stop: stop.begin):
            if one.begin > end or (one.end is not None and one.end < begin):
                continue
            before = merged[-1] if merged else None
            if before is not None and (before.end is None or one.begin <= before.end):
                last = None if before.end is None or one.end is None else max(before.end, one.end)
                merged[-1] = Stop(before.begin, last)
            else:
                merged.append(one)
        return merged

    def _of(self, place: str) -> list[Stop]:
        stops: list[Stop] = []
        since: float | None = None
        for _, (at, frozen) in sorted(self.said.get(place, {}).items()):
            if frozen and since is None:
                since = at
            elif not frozen and since is not None:
                stops.append(Stop(since, max(since, at)))
                since = None
        return stops if since is None else [*stops, Stop(since, None)]
