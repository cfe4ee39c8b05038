"""The timeline of a fan-out: one bar a subtask on one common axis, the critical path marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.model.glyphs import Glyphs, Tone, tone_of

if TYPE_CHECKING:
    from syncropel.api.schema import ChildOut, JoinStatus


@dataclass(frozen=True)
class Bar:
    """One subtask on the axis: where it begins and how long it is, in cells."""

    index: int
    offset: int
    length: int
    critical: bool
    running: bool
    tone: Tone


def _end(child: ChildOut, now: float) -> float | None:
    if child.spawned_at is None:
        return None
    if child.finished_at is not None:
        return max(child.finished_at, child.spawned_at)
    if child.state == "in_progress":
        return max(now, child.spawned_at)
    return child.spawned_at + (child.wall_time_secs or 0.0)


@dataclass(frozen=True)
class Axis:
    """What all bars of a fan-out share: the unix seconds of its two ends, and its width in cells."""

    begin: float
    end: float
    now: float
    width: int
    critical: frozenset[int]

    @classmethod
    def of(cls, join: JoinStatus, now: float, width: int) -> Axis:
        """From the fan-out to its last result or, while it runs, to now."""
        ends = [end for child in join.subtasks if (end := _end(child, now)) is not None]
        last = join.joined_at if join.joined_at is not None else max([*ends, join.started_at])
        end = max(last, join.started_at + 0.001, *ends)
        return cls(join.started_at, end, now, width, frozenset(join.critical_path))

    def bar(self, child: ChildOut) -> Bar | None:
        """The bar of one subtask; None when it has not started, or there is no room at all."""
        stop = _end(child, self.now)
        if child.spawned_at is None or stop is None or self.width <= 0:
            return None
        scale = self.width / (self.end - self.begin)
        offset = min(int(max(0.0, child.spawned_at - self.begin) * scale), self.width - 1)
        length = max(1, min(self.width - offset, round((stop - child.spawned_at) * scale)))
        running = child.state == "in_progress" and child.finished_at is None
        tone = tone_of(child.state)
        return Bar(child.index, offset, length, child.index in self.critical, running, tone)


def draw(bar: Bar | None, width: int, glyphs: Glyphs) -> str:
    """One bar as text. The critical path has its own sign, a running one an open end."""
    if bar is None:
        return " " * width
    fill = glyphs.thick if bar.critical else glyphs.thin
    body = fill * bar.length
    if bar.running:
        body = body[:-1] + glyphs.arrow[-1]
    return (" " * bar.offset + body).ljust(width)[:width]


def speedup(children: Sequence[ChildOut], critical_path: Sequence[int]) -> float | None:
    """Sum of the walls by the walls along the critical path; None while nothing is measured."""
    walls = {child.index: child.wall_time_secs or 0.0 for child in children}
    serial, parallel = sum(walls.values()), sum(walls.get(index, 0.0) for index in critical_path)
    return serial / parallel if parallel > 0 else None
