"""The rows of the task list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.model.altered import state_of
from tui.model.glyphs import Glyphs
from tui.model.moment import Moment
from tui.model.rows import MEASURED, Cell, Column, Row, Rows, widest
from tui.model.text import NOTHING, age, first_line, paid, plain, tail

if TYPE_CHECKING:
    from syncropel.wire import FanOutProgress, TaskSummary

_PRIORITIES: Final = {"high": 0.0, "medium": 1.0, "low": 2.0}

TASKS: Final = (
    Column("status", "STATUS", 13),
    Column("task", "TASK", 12, grow=1, most=24),
    Column("goal", "GOAL", 20, grow=4, wish=40, over=2),
    Column("done", "DONE", 7, right=True),
    Column("cost", "COST", 8, drop=2, right=True),
    Column("priority", "PRIORITY", 8, drop=3),
    Column("updated", "CHANGED", 7, drop=4, right=True),
    Column("namespace", "NAMESPACE", 10, grow=1, most=20, drop=5),
    Column("domain", "DOMAIN", 8, drop=6),
    Column("labels", "LABELS", 12, grow=1, most=30, drop=7),
    Column("records", "RECORDS", 7, drop=8, right=True),
    Column("created", "AGE", 7, drop=9, right=True),
    Column("id", "ID", 9, drop=10),
)


@dataclass(frozen=True)
class Seen:
    """What the rows are made from: the tasks, the threads of those that will make no more progress as things
    stand, and the threads with altered records.
    """

    tasks: Sequence[TaskSummary]
    hanging: frozenset[str] = frozenset()
    altered: frozenset[str] = frozenset()

    def again(self, tasks: Sequence[TaskSummary], hanging: frozenset[str], altered: frozenset[str]) -> Seen:
        """The same object as long as nothing has changed, so that rows are not recomputed."""
        same = tasks is self.tasks and (hanging, altered) == (self.hanging, self.altered)
        return self if same else Seen(tasks, hanging, altered)


def task_name(task: TaskSummary | FanOutProgress) -> str:
    return plain(task.alias) or tail(task.thread)


def task_rows(seen: Seen, at: Moment, glyphs: Glyphs) -> Rows:
    """A row per task, in the order given (the daemon's: most recent change first)."""
    tasks, keys = seen.tasks, [one.thread for one in seen.tasks]
    return Rows(seen, keys, lambda place: _task(tasks[place], at, glyphs, seen))


def longest(tasks: Sequence[TaskSummary]) -> dict[str, int]:
    """How much room the columns of foreign text could use."""
    some = tasks[:MEASURED]
    return {
        "task": widest(map(task_name, some)),
        "goal": widest(first_line(one.goal) for one in some),
        "namespace": widest(plain(one.namespace) for one in some),
        "domain": widest(_domain(one) for one in some),
        "labels": widest(_labels(one) for one in some),
    }


def _domain(one: TaskSummary) -> str:
    return plain(one.domain) or NOTHING


def _labels(one: TaskSummary) -> str:
    return plain(", ".join(one.labels)) or NOTHING


def _task(one: TaskSummary, at: Moment, glyphs: Glyphs, seen: Seen) -> Row:
    done = f"{one.accepted}/{one.subtasks}" if one.subtasks else NOTHING
    old = max(0.0, at.now - one.updated_at)
    stuck = not one.satisfiable and not one.joined
    cells = {
        "status": state_of(one.status, one.thread, seen.altered, glyphs),
        "task": Cell(task_name(one), "strong"),
        "goal": Cell(first_line(one.goal)),
        "done": Cell(
            done,
            "bad" if stuck else "warn" if one.thread in seen.hanging else "plain",
            one.accepted / one.subtasks if one.subtasks else -1.0,
        ),
        "cost": Cell(paid(one.cost_usd, None, unknown=one.cost_unknown), "plain", one.cost_usd),
        "priority": Cell(
            one.priority, "warn" if one.priority == "high" else "plain", _PRIORITIES.get(one.priority, 3.0)
        ),
        "updated": Cell(age(old), "plain", old),
        "namespace": Cell(plain(one.namespace)),
        "domain": Cell(_domain(one)),
        "labels": Cell(_labels(one)),
        "records": Cell(str(one.records), "plain", float(one.records)),
        "created": Cell(age(born := max(0.0, at.now - one.created_at)), "plain", born),
        "id": Cell(tail(one.thread), "muted"),
    }
    fields = {key: cell.text for key, cell in cells.items()}
    fields |= {
        "thread": one.thread,
        "goal": plain(one.goal),
        "status": f"{one.status} {one.status.replace('_', ' ')} {cells['status'].text}",
        "joined": "yes" if one.joined else "no",
    }
    return Row(one.thread, cells, fields)


def merge(known: dict[str, TaskSummary], fresh: Iterable[TaskSummary]) -> dict[str, TaskSummary]:
    """Tasks by thread, most recent change first, with changed ones moved to their new position."""
    found = known | {one.thread: one for one in fresh}
    return dict(sorted(found.items(), key=lambda item: -item[1].revision))
