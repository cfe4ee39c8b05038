"""The table of active dispatches: subtasks that an instance was given and has not reported yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.api.schema import DispatchOut
from tui.model.cells import Cell, Column, Scene, TableSpec
from tui.model.fleet import Fleet
from tui.model.numbers import duration, spend


@dataclass(frozen=True)
class Dispatch:
    """A dispatch and the name of the instance that has it."""

    out: DispatchOut
    where: str


def dispatches(fleet: Fleet) -> tuple[Dispatch, ...]:
    """The longest running first."""
    if fleet.status is None:
        return ()
    running = sorted(fleet.status.dispatches, key=lambda one: (one.started_at, one.child_thread))
    return tuple(Dispatch(one, fleet.alias(one.instance)) for one in running)


def draw(one: Dispatch, scene: Scene) -> Mapping[str, Cell]:
    """One row; the elapsed time ticks, and warns in the last tenth before its limit."""
    out = one.out
    elapsed = max(0.0, scene.now - out.started_at)
    late = out.timeout_secs is not None and elapsed > out.timeout_secs * 0.9
    over = out.budget_usd is not None and out.cost_usd > out.budget_usd
    return {
        "task": Cell(f"{out.alias or out.thread[:11]}[{out.index}]"),
        "goal": Cell(out.goal),
        "where": Cell(one.where),
        "elapsed": Cell(duration(elapsed), "warn" if late else "busy"),
        "limit": Cell("" if out.timeout_secs is None else f"of {duration(out.timeout_secs)}", "quiet"),
        "spend": Cell(spend(out.cost_usd, out.budget_usd), "bad" if over else "plain"),
        "attempt": Cell(str(out.attempt), "warn" if out.attempt > 1 else "plain"),
    }


DISPATCHES: Final = TableSpec[Dispatch](
    name="dispatches",
    columns=(
        Column("task", "TASK", 13, flex=1, sort=lambda one: (one.out.alias, one.out.index)),
        Column("goal", "GOAL", 16, drop=2, flex=6, roomy=40),
        Column("where", "WHERE", 11, drop=1, flex=1, sort=lambda one: one.where),
        Column("elapsed", "ELAPSED", 7, right=True, sort=lambda one: one.out.started_at),
        Column("limit", "LIMIT", 8, drop=4),
        Column("spend", "SPEND", 14, drop=3, sort=lambda one: -one.out.cost_usd),
        Column("attempt", "TRY", 3, drop=5, right=True, sort=lambda one: -one.out.attempt),
    ),
    key=lambda one: one.out.child_thread,
    draw=draw,
)
