"""The join-status tree of a fan-out: each subtask, what it waits for, where it runs, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from syncropel.api.schema import ChildOut, JoinStatus
from tui.model.cells import Cell, Column, Line, Scene, TableSpec, state_cell
from tui.model.glyphs import Glyphs
from tui.model.numbers import dollars, duration, spend, wall


@dataclass(frozen=True)
class Subtask:
    """A child with what its row says about the whole: is it the last, to blame, on the critical path?"""

    child: ChildOut
    last: bool
    critical: bool
    blamed: bool


def subtasks(join: JoinStatus | None) -> tuple[Subtask, ...]:
    """In the order of the fan-out."""
    if join is None:
        return ()
    count = len(join.subtasks)
    path, blame = frozenset(join.critical_path), frozenset(join.blame)
    return tuple(
        Subtask(child, place == count - 1, child.index in path, child.index in blame)
        for place, child in enumerate(join.subtasks)
    )


def elapsed(child: ChildOut, now: float) -> float | None:
    """Seconds it took, or that it has been running for; None before it started."""
    if child.wall_time_secs is not None:
        return child.wall_time_secs
    if child.spawned_at is None or child.state in ("pending", "blocked"):
        return None
    return max(0.0, (child.finished_at or now) - child.spawned_at)


def where_cell(child: ChildOut, glyphs: Glyphs) -> Cell:
    """`worker-a`; `→ worker-a` while that is only where it would go."""
    name = child.instance_alias or (child.instance or "").rpartition(":")[2][:8]
    if not name:
        return Cell(child.target, "quiet")
    return Cell(f"{glyphs.arrow} {name}", "quiet") if child.predicted else Cell(name)


def wall_cell(child: ChildOut, now: float) -> Cell:
    secs = elapsed(child, now)
    if secs is None:
        return Cell("")
    return Cell(wall(secs)) if child.wall_time_secs is not None else Cell(duration(secs), "busy")


def draw(one: Subtask, scene: Scene) -> Mapping[str, Cell]:
    """One row; the time of a running subtask ticks."""
    child, glyphs = one.child, scene.glyphs
    branch = glyphs.last_branch if one.last else glyphs.branch
    state = state_cell(child.state, glyphs)
    why = child.why or (" ".join(child.summary.split()) if child.state != "accept" else child.summary)
    return {
        "subtask": Cell(f"{branch} [{child.index}] {child.goal}"),
        "after": Cell("+".join(str(index) for index in child.depends_on), "quiet"),
        "where": where_cell(child, glyphs),
        "state": state,
        "wall": wall_cell(child, scene.now),
        "cost": Cell(dollars(child.cost_usd) if child.verdict else ""),
        "attempt": Cell(str(child.attempt or ""), "warn" if child.attempt > 1 else "plain"),
        "path": Cell(glyphs.critical if one.critical else "", "warn"),
        "why": Cell(why, "bad" if one.blamed else "quiet"),
        "budget": Cell("" if child.budget_usd is None else f"of {dollars(child.budget_usd)}", "quiet"),
        "limit": Cell("" if child.timeout_secs is None else duration(child.timeout_secs), "quiet"),
        "adapter": Cell(child.adapter or "", "quiet"),
        "verdict": Cell(child.verdict or "", state.tone),
        "target": Cell(child.target, "quiet"),
    }


SUBTASKS: Final = TableSpec[Subtask](
    name="subtasks",
    columns=(
        Column("subtask", "SUBTASK", 20, flex=4, roomy=44, sort=lambda one: one.child.index),
        Column("after", "AFTER", 5, drop=3),
        Column("where", "WHERE", 11, drop=1, sort=lambda one: one.child.instance_alias or ""),
        Column("state", "STATE", 13, sort=lambda one: one.child.state),
        Column("wall", "WALL", 6, right=True, sort=lambda one: -(one.child.wall_time_secs or 0.0)),
        Column("cost", "COST", 6, drop=2, right=True, sort=lambda one: -one.child.cost_usd),
        Column("attempt", "TRY", 3, drop=4, right=True, sort=lambda one: -one.child.attempt),
        Column("why", "WHY, OR WHAT CAME OF IT", 24, drop=5, flex=5, roomy=30),
        Column("verdict", "VERDICT", 10, drop=6),
        Column("limit", "LIMIT", 6, drop=7, right=True),
        Column("budget", "BUDGET", 8, drop=8),
        Column("adapter", "ADAPTER", 7, drop=9),
        Column("target", "TARGET", 18, drop=10),
    ),
    key=lambda one: str(one.child.index),
    draw=draw,
)


def join_lines(join: JoinStatus, now: float, glyphs: Glyphs) -> tuple[Line, ...]:
    """The predicate, its present value, and why; what to do when it can no longer be."""
    count = len(join.subtasks)
    counts = f"{join.accepted}/{count} accepted, {join.completed}/{count} completed"
    if join.complete:
        good = join.verdict in (None, "accept")
        word = "accept" if good else "reject"
        state = Cell(f"{glyphs.state(word)} joined: {join.verdict or 'accept'}", "good" if good else "bad")
    elif not join.satisfiable:
        state = Cell(f"{glyphs.state('failed')} cannot join any more", "bad")
    else:
        state = Cell(f"{glyphs.state('in_progress')} not joined yet", "busy")
    took = (join.joined_at or now) - join.started_at
    facts = f" {glyphs.separator} {duration(took)} {glyphs.separator} {spend(join.cost_usd, join.budget_usd)}"
    lines: list[Line] = [
        (Cell(" join ", "quiet"), Cell(join.join, "head"), Cell("  "), state, Cell(facts, "quiet")),
        (Cell(f" {join.explanation or counts}", "plain" if join.satisfiable else "bad"),),
    ]
    if join.hint and not join.satisfiable:
        lines.append((Cell(f" {glyphs.arrow} {join.hint}", "head"),))
    return tuple(lines)


def child_lines(one: Subtask, scene: Scene) -> tuple[Line, ...]:
    """What a row had no room for: goal in full, why it waits, its last words, where its output is."""
    child = one.child
    lines: list[Line] = [(Cell(f" [{child.index}] ", "quiet"), Cell(child.goal))]
    if child.why:
        lines.append((Cell("     why ", "quiet"), Cell(child.why, "bad" if one.blamed else "plain")))
    last_words = [line for line in child.summary.splitlines() if line.strip()]
    if last_words:
        tone = state_cell(child.state, scene.glyphs).tone
        lines.append((Cell("     said ", "quiet"), Cell(last_words[-1], "bad" if tone == "bad" else "plain")))
    if child.output:
        lines.append((Cell("     output ", "quiet"), Cell(child.output)))
    return tuple(lines)
