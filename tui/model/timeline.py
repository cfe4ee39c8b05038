"""The timeline of a fan-out: one bar per subtask on a common axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncropel.client import timeline
from syncropel.client.timeline import Inks, Span
from tui.model.glyphs import Glyphs

if TYPE_CHECKING:
    from syncropel.wire import ChildOut, JoinStatus


def inks(glyphs: Glyphs) -> Inks:
    """The characters for bars in this alphabet."""
    return Inks(
        glyphs.thin, glyphs.thick, glyphs.full, glyphs.dot, glyphs.arrow[-1],
        glyphs.sign("failed"), glyphs.sign("retrying"), glyphs.sign("frozen"),
    )  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """The common axis of a fan-out's bars, from its start to its last result or, while it runs, to now."""

    of: timeline.Axis
    now: float
    joined_at: float | None = None

    @classmethod
    def shared(cls, join: JoinStatus, now: float, width: int) -> Axis:
        """`now` in unix seconds, `width` in cells."""
        joined_at = join.joined_at
        ends = [_end(one, timeline.until(one, now, joined_at)) for one in join.subtasks if one.spawned_at]
        ends += [joined_at] if joined_at is not None else []
        return cls(timeline.Axis.over(join.started_at, ends, width), now, joined_at)

    def bar(self, child: ChildOut, glyphs: Glyphs, *, critical: bool) -> str:
        """One subtask; blank before it was assigned, dotted after the outermost join."""
        drawn: list[Span] = timeline.spans(child, self.now)
        return timeline.bar(drawn, self.of, inks(glyphs), critical=critical, cut=self.joined_at)

    def scale(self, join: JoinStatus, glyphs: Glyphs) -> str:
        """The times above the bars, and when the namespace was frozen."""
        return timeline.scale(self.of, join.stops, inks(glyphs))


def _end(child: ChildOut, now: float) -> float:
    """When the current attempt ends, as far as the axis has to reach."""
    if child.finished_at is not None:
        return child.finished_at
    return now if child.state == "in_progress" else child.spawned_at or 0.0
