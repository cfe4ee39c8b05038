"""What this daemon counts about records since its start, for who measures it: joins, results, cost, and how
long freezes take to be confirmed.

Every key is from a short list, never an id: a measurement's labels must not grow with the log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.base.provenance import original_author
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.fanout.child import STREAM_EVENT, ChildState
from syncropel.folds.fanout.state import CHILD_DONE, VERDICTS, number
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL

OTHER: Final = "other"
CONFIRMED_WITHIN_SECS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the buckets in which confirmations of freezes are counted."""
_FREEZES_TIMED: Final = 1024
"""Freezes whose beginning is remembered; the oldest is forgotten first."""


class Histogram:
    """Counts observations in buckets; each bucket's upper bound belongs to it."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[float, int]]:
        """Each upper bound, with how many observations are not above it; the last bound is infinite."""
        return list(zip((*self._bounds, float("inf")), accumulate(self._counts), strict=True))


class Meters:
    """Counts what the listeners of new records hear, in the order in which they hear it. `monotonic`: gives
    seconds.
    """

    def __init__(self, live: LiveFolds, did: str, monotonic: Callable[[], float]) -> None:
        self._live = live
        self._did = did
        self._monotonic = monotonic
        self.joins: Counter[str] = Counter()
        """Fan-outs that joined here, by verdict."""
        self.results: Counter[str] = Counter()
        """Attempts that ended on this instance, by verdict."""
        self.spent_usd = 0.0
        """What goals of this instance cost, as far as that is known."""
        self.reported_usd = 0.0
        """The cost of the results that fan-outs of this instance were told."""
        self.confirmations = Histogram(CONFIRMED_WITHIN_SECS)
        """Seconds from a freeze until another instance confirmed it."""
        self._frozen_at: dict[str, float] = {}

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        """Count what these new records say."""
        for stored in records:
            record = stored.record
            if record.act == "KNOW":
                self._know(record)
            elif record.act == "DO" and record.topic == CHILD_DONE:
                self.reported_usd += max(0.0, number(record.body.get("cost_usd")))
            elif record.thread == FLEET_CONTROL and record.topic == FREEZE:
                self._time(original_author(record)[1])

    def on_confirmed(self, did: str, freezes: Iterable[str]) -> None:
        """An instance enforces control records, by id, that it did not enforce before.

        Freezes that were there before this daemon are not timed: when they began is not known on its clock.
        """
        if did == self._did:
            return
        now = self._monotonic()
        for one in freezes:
            if (since := self._frozen_at.get(one)) is not None:
                self.confirmations.observe(max(0.0, now - since))

    def _time(self, freeze: str) -> None:
        self._frozen_at.setdefault(freeze, self._monotonic())
        if len(self._frozen_at) > _FREEZES_TIMED:
            del self._frozen_at[next(iter(self._frozen_at))]

    def _know(self, record: Record) -> None:
        body = record.body
        if record.topic == STREAM_EVENT:
            self.spent_usd += max(0.0, number(body.get("cost_usd")))
        elif isinstance(fulfills := body.get("fulfills"), str):
            task, child = self._live.tasks.peek(record.thread), self._live.children.peek(record.thread)
            joined = task.fanout.joined if task is not None and task.fanout is not None else None
            if joined is not None and joined.record == record.id:
                self.joins[known_verdict(joined.verdict)] += 1
            if child is not None:
                self._result(record, child, fulfills)

    def _result(self, record: Record, child: ChildState, fulfills: str) -> None:
        result = child.results.get(fulfills)
        if result is None or result.record != record.id:
            return
        self.results[known_verdict(record.body.get("verdict"))] += 1
        # The whole cost of the attempt: a part of it may have been counted while it ran.
        rest = number(record.body.get("cost_usd")) - self._live.spend.of(fulfills).usd
        self.spent_usd += max(0.0, rest)


def known_verdict(verdict: object) -> str:
    """The verdict if it is one of the list, since a record may say anything."""
    return verdict if isinstance(verdict, str) and verdict in VERDICTS else OTHER
