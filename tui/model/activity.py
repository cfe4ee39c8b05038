"""Ingest and queue over time, from the counters of successive snapshots; drawn as sparklines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tui.model.cells import Cell, Line
from tui.model.glyphs import Glyphs
from tui.model.numbers import per_second

STEP_SECS: Final = 5.0
STEPS: Final = 60


class Sample(NamedTuple):
    """The counters of one snapshot; `at` is the daemon's clock in unix seconds."""

    at: float
    ingested: int
    queue: int


@dataclass(frozen=True)
class Activity:
    """The samples of the last five minutes, oldest first."""

    samples: tuple[Sample, ...] = ()

    def add(self, sample: Sample) -> Activity:
        """With one more sample. A counter that fell is a restarted daemon's: the history starts anew."""
        kept = self.samples
        if kept and (sample.ingested < kept[-1].ingested or sample.at < kept[-1].at):
            kept = ()
        horizon = sample.at - STEP_SECS * (STEPS + 1)
        # Within one second only the newest is kept: a busy daemon sends four a second.
        if len(kept) > 1 and int(kept[-1].at) == int(sample.at):
            sample = sample._replace(queue=max(sample.queue, kept[-1].queue))
            kept = kept[:-1]
        return replace(self, samples=(*(one for one in kept if one.at >= horizon), sample))

    def rate(self) -> float:
        """Records a second, over the last step."""
        if len(self.samples) < 2:
            return 0.0
        last = self.samples[-1]
        begin = max(self.samples[0].at, last.at - STEP_SECS)
        return (last.ingested - self._ingested(begin)) / (last.at - begin) if last.at > begin else 0.0

    def rates(self, count: int) -> list[float]:
        """Records a second in each whole step, oldest first, at most `count` of them."""
        return [
            (self._ingested(end) - self._ingested(end - STEP_SECS)) / STEP_SECS for end in self._ends(count)
        ]

    def queues(self, count: int) -> list[float]:
        """The longest queue seen in each whole step."""
        return [
            float(max((one.queue for one in self.samples if end - STEP_SECS < one.at <= end), default=0))
            for end in self._ends(count)
        ]

    def _ends(self, count: int) -> list[float]:
        # Steps lie on a grid of the daemon's clock, so that a picture moves once a step, not once a snapshot.
        if not self.samples:
            return []
        newest, oldest = self.samples[-1].at, self.samples[0].at
        last = newest // STEP_SECS * STEP_SECS
        ends = [last - STEP_SECS * back for back in range(min(count, STEPS))]
        return [end for end in reversed(ends) if end - STEP_SECS >= oldest]

    def _ingested(self, at: float) -> float:
        """The counter at an instant, on the straight line between two samples."""
        before = self.samples[0]
        for after in self.samples:
            if after.at >= at:
                span = after.at - before.at
                share = (at - before.at) / span if span > 0 else 1.0
                return before.ingested + (after.ingested - before.ingested) * share
            before = after
        return float(before.ingested)


def sparkline(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """`values` as one character each, newest at the right, as wide as asked for."""
    top = max(values, default=0.0)
    steps = glyphs.sparks
    drawn = "".join(
        steps[min(len(steps) - 1, int(value / top * len(steps)))] if top > 0 else steps[0]
        for value in values[-width:]
    )
    return drawn.rjust(width, steps[0])


def activity_line(activity: Activity, records: int, width: int, glyphs: Glyphs) -> Line:
    """`ingest 12.3/s ▁▂▃ · queue 0 ▁▁▁ · 1,234 records`; the sparklines take what width is left."""
    queue = activity.samples[-1].queue if activity.samples else 0
    rate, count = per_second(activity.rate()), f"{records:,}"
    dot = f"  {glyphs.separator} "
    cells = max(
        0, min(STEPS, (width - len(f" ingest {rate}   queue {queue}  {count} records ") - 2 * len(dot)) // 2)
    )
    return (
        Cell(" ingest ", "quiet"),
        Cell(f"{rate} "),
        Cell(sparkline(activity.rates(cells), cells, glyphs), "busy"),
        Cell(f"{dot}queue ", "quiet"),
        Cell(f"{queue} "),
        Cell(sparkline(activity.queues(cells), cells, glyphs), "busy"),
        Cell(dot, "quiet"),
        Cell(count),
        Cell(" records", "quiet"),
    )
