"""The table of pending fan-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncropel.api.schema import FanOutProgress
from tui.model.cells import Cell, Column, Scene, TableSpec
from tui.model.glyphs import Glyphs
from tui.model.numbers import duration, spend

METER_CELLS: Final = 10


def meter(done: int, total: int, glyphs: Glyphs, cells: int = METER_CELLS) -> str:
    """`━━━━──────`: full only when all is done."""
    full = cells * done // total if total else 0
    return glyphs.meter_full * full + glyphs.meter_empty * (cells - full)


def draw(one: FanOutProgress, scene: Scene) -> Mapping[str, Cell]:
    """One row: how far it is and why it has not joined."""
    glyphs = scene.glyphs
    stuck = not one.satisfiable
    bar = meter(one.completed, one.subtasks, glyphs)
    why = f"{glyphs.state('failed')} {one.explanation}" if stuck else one.explanation
    return {
        "task": Cell(one.alias or one.thread[:11]),
        "progress": Cell(f"{bar} {one.completed}/{one.subtasks}", "bad" if stuck else "busy"),
        "why": Cell(why, "bad" if stuck else "plain"),
        "join": Cell(one.join, "quiet"),
        "elapsed": Cell(duration(scene.now - one.started_at)),
        "spend": Cell(spend(one.cost_usd, one.budget_usd)),
        "goal": Cell(one.goal),
        "namespace": Cell(one.namespace, "quiet"),
    }


FANOUTS: Final = TableSpec[FanOutProgress](
    name="fanouts",
    columns=(
        Column("task", "TASK", 11, flex=1, sort=lambda one: one.alias),
        Column("progress", "PROGRESS", 18, sort=lambda one: -one.completed / max(1, one.subtasks)),
        Column("why", "WHY", 40, flex=6, roomy=60),
        Column("join", "JOIN", 8, drop=4),
        Column("elapsed", "ELAPSED", 7, drop=1, right=True, sort=lambda one: one.started_at),
        Column("spend", "SPEND", 14, drop=3, sort=lambda one: -one.cost_usd),
        Column("goal", "GOAL", 20, drop=5, flex=3),
        Column("namespace", "NAMESPACE", 12, drop=6),
    ),
    key=lambda one: one.thread,
    draw=draw,
)
