"""Bars of a fan-out's subtasks on one axis, as text, shared by the command line and the console.

Waiting is thin, running is thick. Each attempt is drawn separately; freezes are marked on the axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from syncropel.wire import StopOut
    from syncropel.wire.explain import WhatIf

_BAD: Final = frozenset({"reject", "failed", "timeout", "terminated"})
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
"""Steps between two times on the axis, in seconds; beyond them, days."""
_GAP: Final = 3
"""Cells between two times."""


@dataclass(frozen=True, slots=True)
class Inks:
    """The characters of a timeline, each one cell wide. `after`: what continued after the join; `bad`: an
    attempt that was lost with its instance, or failed and was followed by another, which begins with `again`.
    """

    wait: str = "─"
    run: str = "━"
    critical: str = "█"
    after: str = "┈"
    going: str = "→"
    bad: str = "✗"
    again: str = "↻"
    frozen: str = "❄"


class Timed(Protocol):
    """A subtask as it is drawn: its current attempt and the earlier ones. Unix seconds."""

    @property
    def state(self) -> str: ...
    @property
    def spawned_at(self) -> float | None: ...
    @property
    def began_at(self) -> float | None: ...
    @property
    def finished_at(self) -> float | None: ...
    @property
    def lost_at(self) -> float | None: ...
    @property
    def earlier(self) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Span:
    """One attempt: assigned, begun (None: not, as far as is known), ended or still running; `lost` with its
    instance, when it no longer runs and had no result.
    """

    given: float
    began: float | None
    end: float
    going: bool
    bad: bool
    lost: bool = False


def spans(one: Timed, now: float) -> list[Span]:
    """The attempts at a subtask, in order; empty before it was assigned."""
    found = [*one.earlier, one]
    drawn = [_span(this, after, now) for this, after in zip(found, [*found[1:], None], strict=True)]
    return [span for span in drawn if span is not None]


def _span(this: Any, after: Any, now: float) -> Span | None:
    if this.spawned_at is None:
        return None
    begin: float = this.spawned_at
    lost = this.finished_at is None and this.lost_at is not None
    end = this.lost_at if lost else this.finished_at
    following = None if after is None else after.spawned_at
    if end is None:
        end = now if following is None else following
    elif following is not None:  # what was still running elsewhere no longer counts
        end = min(end, following)
    end = max(begin, end)
    began: float | None = this.began_at
    if began is None and this.finished_at is not None:  # an older daemon reports how long it ran, or nothing
        wall = getattr(this, "wall_time_secs", None)
        began = begin if wall is None else end - wall
    if began is not None:
        began = min(max(began, begin), end)
    open_ = this.finished_at is None
    going = open_ and not lost and after is None and began is not None and this.state == "in_progress"
    return Span(begin, began, end, going, this.state in _BAD or lost or (open_ and after is not None), lost)


def until(one: Timed, now: float, joined_at: float | None) -> float:
    """Up to when an attempt without a result is drawn: one that had not begun at the join may never begin."""
    return now if joined_at is None or one.began_at is not None else joined_at


def spans_of(told: WhatIf) -> dict[int, list[Span]]:
    """The attempts at each subtask of a hypothetical join, by index."""
    joined_at = told.real.at if told.real is not None else None
    return {one.index: spans(one, until(one, told.at, joined_at)) for one in told.subtasks}


def ends(told: WhatIf, drawn: Mapping[int, Sequence[Span]]) -> list[float]:
    """Every end on the timelines of a hypothetical join: attempts, and both joins."""
    moments = [one.at for one in (told.real, told.then) if one is not None]
    return [*moments, *(span.end for found in drawn.values() for span in found)]


@dataclass(frozen=True, slots=True)
class Axis:
    """From `begin` to `end` (unix seconds) in `width` cells."""

    begin: float
    end: float
    width: int

    @classmethod
    def over(cls, begin: float, ends: Iterable[float], width: int) -> Axis:
        """Long enough for the latest of these ends."""
        return cls(begin, max([*ends, begin + 0.001]), width)

    def cell(self, at: float) -> int:
        """The cell of a point in time, which may be outside."""
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return min(int(share * self.width), self.width - 1)

    def upto(self, at: float) -> int:
        """The cell before which a point in time is over, rounded; the axis' width at its end."""
        share = (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin)
        return round(share * self.width)


def bar(
    drawn: Sequence[Span], axis: Axis, inks: Inks, *, critical: bool = False, cut: float | None = None
) -> str:
    """A subtask's bar, as wide as the axis; `cut`: when the join came, if it is to be visible."""
    cells = [" "] * axis.width
    if axis.width <= 0:
        return ""
    run_ink = inks.critical if critical else inks.run
    for place, span in enumerate(drawn):
        begin = axis.cell(span.given)
        end = max(begin + 1, min(axis.width, axis.upto(span.end)))
        run = end if span.began is None else min(axis.cell(span.began), end - 1)
        for at in range(begin, end):
            late = cut is not None and at >= axis.upto(cut)
            cells[at] = inks.after if late else inks.wait if at < run else run_ink
        last = place == len(drawn) - 1
        if span.bad and (span.lost or not last):
            cells[end - 1] = inks.bad
        if place:
            cells[begin] = inks.again
        if span.going:
            cells[end - 1] = inks.going
    return "".join(cells)


def scale(axis: Axis, stops: Sequence[StopOut], inks: Inks) -> str:
    """The axis itself: times since its begin, each in its cell, and when work was frozen."""
    cells = [" "] * max(0, axis.width)
    if not cells:
        return ""
    for stop in stops:
        last = axis.end if stop.end is None else stop.end
        if stop.begin < axis.end and last > axis.begin:
            for at in range(axis.cell(stop.begin), axis.cell(last) + 1):
                cells[at] = inks.frozen
    frozen = [one == inks.frozen for one in cells]
    for secs in _times(axis):
        label, at = _label(secs), axis.cell(axis.begin + secs)
        room = cells[at : at + len(label)]
        if len(room) < len(label) or (secs and at and cells[at - 1].isalnum()):
            continue
        if all(frozen) or not any(frozen[at : at + len(label)]):
            cells[at : at + len(label)] = label
    return "".join(cells)


def _times(axis: Axis) -> list[float]:
    whole = axis.end - axis.begin
    widest = len(_label(whole)) + _GAP
    steps = (float(one) for one in _STEPS)
    step = next((one for one in steps if one / whole * axis.width >= widest), None)
    if step is None:
        step = 86_400.0 * (1 + int(widest * whole / 86_400 / axis.width))
    return [step * count for count in range(int(whole / step) + 1)]


def _label(secs: float) -> str:
    whole = int(secs)
    if whole < 60 or (whole < 120 and whole % 60):
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m" + (f"{whole % 60:02}s" if whole % 60 else "")
    if whole < 86_400:
        return f"{whole // 3600}h" + (f"{whole % 3600 // 60:02}m" if whole % 3600 >= 60 else "")
    return f"{whole // 86_400}d" + (f"{whole % 86_400 // 3600}h" if whole % 86_400 >= 3600 else "")
