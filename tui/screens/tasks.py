"""The Tasks screen: all tasks above, the join of the chosen one below."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.widget import Widget

from tui.actions import TASKS
from tui.model.filters import Filter
from tui.model.layout import share
from tui.model.rows import Row
from tui.model.subject import subject_of
from tui.model.tasks import TASKS as COLUMNS
from tui.model.tasks import longest, task_rows
from tui.screens import join_part
from tui.screens.base import ConsoleScreen
from tui.screens.detail import SubtaskScreen, TaskScreen
from tui.screens.join import JoinScreen
from tui.widgets.lines import Lines
from tui.widgets.table import Table

_NO_TASKS = ("no task yet", 'add one: spl task add "what is to be done" --alias TUT-001')
_NOT_YET = ("reading the tasks",)


class TasksScreen(ConsoleScreen):
    """`2`"""

    name_ = TASKS
    fields = ("status", "task", "goal", "priority", "namespace", "domain", "labels", "thread", "joined")

    @property
    def wants(self) -> str | None:
        return self.query_one("#tasks", Table).chosen

    def body(self) -> Sequence[Widget]:
        return (Table(COLUMNS, self.console.glyphs, id="tasks"), *join_part.widgets(self))

    def fill(self, now: float) -> None:
        world = self.world
        tasks, table = world.tasks, self.query_one("#tasks", Table)
        table.measure(tasks, lambda: longest(tasks or ()))
        rows = task_rows(tasks or (), world.moment(now), self.console.glyphs)
        name = "NEWEST TASKS" if world.more_tasks else "TASKS"
        self.select(table, rows, name, _NOT_YET if tasks is None else _NO_TASKS)
        join_part.fill(self, now, table.chosen)
        self._share(table)

    def arranges(self, table: str) -> bool:
        return table in self._sorts if table == join_part.SUBTASKS else super().arranges(table)

    def select(
        self, table: Table, rows: Sequence[Row], name: str, empty: Sequence[str], *, of: int | None = None
    ) -> None:
        """The filter is for tasks: the subtasks of the chosen one are always all shown."""
        kept = self.filter
        if table.id == join_part.SUBTASKS:
            self.filter = Filter()
        super().select(table, rows, name, empty, of=of)
        self.filter = kept

    def _share(self, table: Table) -> None:
        subtasks = self.query_one(f"#{join_part.SUBTASKS}", Table)
        summary = len(self.query_one(f"#{join_part.SUMMARY}", Lines).text.splitlines())
        total = self.body_height()
        upper, lower = share(total, [table.wanted_height, subtasks.wanted_height + summary], least=6)
        table.set_class(upper + lower < total, "roomy")
        for one, height in ((table, upper), (subtasks, max(3, lower - summary))):
            if one.styles.height is None or one.styles.height.value != height:
                one.styles.height = height

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """A task opens its join, or itself when it has none; a subtask opens itself."""
        subject = subject_of(event.table.id or "", event.key, self.wants)
        if subject.index is not None:
            self.app.push_screen(SubtaskScreen(subject.thread, subject.index))
        elif self.world.has_fan_out(subject.thread):
            self.app.push_screen(JoinScreen(subject.thread))
        else:
            self.app.push_screen(TaskScreen(subject.thread))
