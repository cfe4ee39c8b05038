"""The Tasks screen: all tasks, below them the join of the selected one, and details beside or below both."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from syncropel.client.attention import altered
from tui import screens
from tui.model.actions import TASKS
from tui.model.filters import Filter
from tui.model.layout import share
from tui.model.subject import Subject, subject_of
from tui.model.tasks import TASKS as COLUMNS
from tui.model.tasks import Seen, longest, task_rows
from tui.model.world import TASKS as TASKS_READ
from tui.screens import join_part
from tui.screens.glancing import GlancingScreen
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

_NO_TASKS = ("no task yet", 'add one: spl task add "what is to be done" --alias TUT-001')


class TasksScreen(GlancingScreen):
    """`2`"""

    name_ = TASKS
    fields = ("status", "task", "goal", "priority", "namespace", "domain", "labels", "thread", "joined")

    def __init__(self) -> None:
        super().__init__()
        self._seen = Seen(())

    @property
    def wants(self) -> str | None:
        return self.query_one("#tasks", Table).chosen

    def body(self) -> Sequence[Widget]:
        tasks = Table(COLUMNS, self.console.glyphs, id="tasks")
        return (SplitPane(Vertical(tasks, *join_part.widgets(self), classes="rows"), DetailPane()),)

    def fill(self, now: float) -> None:
        world = self.world
        tasks, table = world.tasks, self.query_one("#tasks", Table)
        table.measure(tasks, lambda: longest(tasks or ()))
        self._seen = self._seen.again(tasks or (), world.hanging(), altered(world.status))
        rows = None if tasks is None else task_rows(self._seen, world.moment(now), self.console.glyphs)
        name = "NEWEST TASKS" if world.more_tasks else "TASKS"
        self.select(table, rows, name, self.unread(TASKS_READ, world.trouble) if rows is None else _NO_TASKS)
        self.query_one(f"#{join_part.SUBTASKS}").display = table.chosen is not None
        join_part.fill(self, now, table.chosen)
        self._share(table)

    def shown(self) -> Subject:
        subject = self.subject()
        return subject if subject.thread else subject_of("tasks", self.wants or "", None)

    def filter_of(self, table: str) -> Filter:
        """The filter applies to tasks: all subtasks of the selected one are always shown."""
        return Filter() if table == join_part.SUBTASKS else super().filter_of(table)

    def _share(self, table: Table) -> None:
        """Give each part its height."""
        split, subtasks = self.query_one(SplitPane), self.query_one(f"#{join_part.SUBTASKS}", Table)
        summary = len(self.query_one(f"#{join_part.SUMMARY}", Lines).text.splitlines())
        wanted = subtasks.wanted_height + summary if subtasks.display else 0
        total = self.body_height()
        upper, lower = share(total, [table.wanted_height, wanted], least=6)
        table.set_class(upper + lower < total, "roomy")
        table.take(upper)
        subtasks.take(max(3, lower - summary))
        split.leave(0 if split.is_wide else total - upper - lower - 1)

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """A task opens its join, or its details when it has none; a subtask opens its details."""
        subject = subject_of(event.table.id or "", event.key, self.wants)
        if subject.index is not None:
            self.app.push_screen(screens.SubtaskScreen(subject.thread, subject.index))
        elif self.world.has_fan_out(subject.thread):
            self.app.push_screen(screens.JoinScreen(subject.thread))
        else:
            self.app.push_screen(screens.TaskScreen(subject.thread))
