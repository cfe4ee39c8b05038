"""The timeline of a fan-out: subtasks as bars on one scale, the critical path marked, what it gained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.api.schema import ChildOut, JoinStatus
from tui.model.cells import Cell, Column, Line, Scene, TableSpec, Tone, tone_of
from tui.model.glyphs import Glyphs
from tui.model.numbers import dollars, duration, wall
from tui.model.subtasks import elapsed, wall_cell

STEPS: Final = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)

MIN_BAR_CELLS: Final = 24


@dataclass(frozen=True)
class Scale:
    """Where time lies on the timeline: `begin` (unix seconds) at the left, `span` seconds wide."""

    begin: float
    span: float


@dataclass(frozen=True)
class Bar:
    """A subtask on the scale; `critical` when it lies on the critical path."""

    child: ChildOut
    scale: Scale
    critical: bool


def scale(join: JoinStatus, now: float) -> Scale:
    """From the fan-out to its end; while it runs up to a round span, so that the bars rarely move."""
    ends = [child.finished_at for child in join.subtasks if child.finished_at is not None]
    finished = join.complete or not any(child.state == "in_progress" for child in join.subtasks)
    end = max([*ends, join.joined_at or join.started_at]) if finished else now
    taken = max(1.0, end - join.started_at)
    span = next((float(step) for step in STEPS if step >= taken), taken * 1.1)
    return Scale(join.started_at, taken if join.complete else span)


def bars(join: JoinStatus | None, now: float) -> tuple[Bar, ...]:
    """In the order of the fan-out."""
    if join is None:
        return ()
    common, path = scale(join, now), frozenset(join.critical_path)
    return tuple(Bar(child, common, child.index in path) for child in join.subtasks)


def bar_text(bar: Bar, now: float, cells: int, glyphs: Glyphs) -> str:
    """The bar as characters: dots while it waited, blocks while it ran, an arrow where it still runs."""
    child = bar.child
    if child.spawned_at is None or child.state in ("pending", "blocked"):
        return glyphs.bar_waiting * min(3, cells)
    took = elapsed(child, now) or 0.0
    end = child.finished_at if child.finished_at is not None else child.spawned_at + took
    first = _cell(child.spawned_at, bar.scale, cells)
    last = max(first + 1, min(cells, _cell(end, bar.scale, cells)))
    first = min(first, cells - 1)
    body = (glyphs.bar_critical if bar.critical else glyphs.bar) * (last - first)
    if child.state == "in_progress":
        body = body[:-1] + glyphs.bar_end
    return " " * first + body


def _cell(at: float, common: Scale, cells: int) -> int:
    return max(0, min(cells, round((at - common.begin) / common.span * cells)))


def draw(bar: Bar, scene: Scene) -> Mapping[str, Cell]:
    """One row. A critical bar differs by its mark and its blocks, not by its colour alone."""
    child, glyphs = bar.child, scene.glyphs
    mark = glyphs.critical if bar.critical else " "
    cells = scene.widths.get("bar", MIN_BAR_CELLS)
    return {
        "subtask": Cell(f"{mark} [{child.index}] {child.goal}", "head" if bar.critical else "plain"),
        "bar": Cell(bar_text(bar, scene.now, cells, glyphs), _tone(bar)),
        "wall": wall_cell(child, scene.now),
    }


def _tone(bar: Bar) -> Tone:
    tone = tone_of(bar.child.state)
    if tone == "good":
        return "warn" if bar.critical else "good"
    return tone


TIMELINE: Final = TableSpec[Bar](
    name="timeline",
    columns=(
        Column("subtask", "SUBTASK", 18, flex=1),
        Column("bar", "TIME", MIN_BAR_CELLS, flex=3),
        Column("wall", "WALL", 6, right=True),
    ),
    key=lambda bar: str(bar.child.index),
    draw=draw,
)


def speedup_line(join: JoinStatus, glyphs: Glyphs) -> Line:
    """What running side by side gained, by the walls measured so far."""
    walls = {child.index: child.wall_time_secs for child in join.subtasks if child.wall_time_secs is not None}
    path = [index for index in join.critical_path if index in walls]
    if not walls or not path:
        return (Cell(" no subtask has a result yet: no speedup to tell", "quiet"),)
    serial, parallel = sum(walls.values()), sum(walls[index] for index in path)
    names = f" {glyphs.arrow} ".join(f"[{index}]" for index in path)
    gain = f"{serial / parallel:.2f}{glyphs.times}" if parallel > 0 else "-"
    missing = len(join.subtasks) - len(walls)
    so_far = f" so far, {missing:,} without a result" if missing else ""
    how = f" (estimate: sum {wall(serial)} / critical path {wall(parallel)} {names})"
    return (
        Cell(" speedup ", "quiet"),
        Cell(gain, "head"),
        Cell(so_far, "quiet"),
        Cell(f" {glyphs.separator} {dollars(join.cost_usd)} {glyphs.separator}", "quiet"),
        Cell(how, "quiet"),
    )


def axis(common: Scale, cells: int, glyphs: Glyphs) -> str:
    """The scale's ends: `0s ──── 2m00s`."""
    end = duration(common.span)
    return f"0s{glyphs.rule * max(1, cells - 2 - len(end))}{end}"
