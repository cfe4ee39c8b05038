"""The task list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from syncropel.api.schema import TaskSummary
from tui.model.cells import Cell, Column, Scene, TableSpec, state_cell
from tui.model.numbers import coarse, dollars

PRIORITIES: Final = {"critical": 0, "urgent": 0, "high": 1, "medium": 2, "low": 3}


def draw(task: TaskSummary, scene: Scene) -> Mapping[str, Cell]:
    """One row with the folded status."""
    done = f"{task.completed}/{task.subtasks}" if task.subtasks else ""
    return {
        "task": Cell(task.alias or task.thread[:11]),
        "status": state_cell(task.status, scene.glyphs),
        "done": Cell(done, "plain" if task.satisfiable else "bad"),
        "goal": Cell(task.goal),
        "cost": Cell(dollars(task.cost_usd) if task.subtasks else ""),
        "changed": Cell(f"{coarse(scene.now - task.updated_at)}", "quiet"),
        "priority": Cell(task.priority),
        "namespace": Cell(task.namespace, "quiet"),
        "domain": Cell(task.domain, "quiet"),
        "labels": Cell(", ".join(task.labels), "quiet"),
        "records": Cell(f"{task.records:,}", "quiet"),
    }


TASKS: Final = TableSpec[TaskSummary](
    name="tasks",
    columns=(
        Column("task", "TASK", 11, flex=1, sort=lambda one: one.alias),
        Column("status", "STATUS", 13, sort=lambda one: one.status),
        Column("done", "DONE", 5, right=True, sort=lambda one: -one.completed / max(1, one.subtasks)),
        Column("goal", "GOAL", 16, drop=1, flex=6, roomy=40, sort=lambda one: one.goal),
        Column("cost", "COST", 7, drop=3, right=True, sort=lambda one: -one.cost_usd),
        Column("changed", "CHANGED", 7, drop=2, right=True, sort=lambda one: -one.updated_at),
        Column("priority", "PRIORITY", 8, drop=4, sort=lambda one: PRIORITIES.get(one.priority, 9)),
        Column("namespace", "NAMESPACE", 12, drop=5, sort=lambda one: one.namespace),
        Column("domain", "DOMAIN", 10, drop=6),
        Column("labels", "LABELS", 12, drop=7),
        Column("records", "RECORDS", 7, drop=8, right=True),
    ),
    key=lambda one: one.thread,
    draw=draw,
)
