"""The join of one task on the whole screen."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from tui import screens
from tui.model.actions import JOIN
from tui.model.subject import subject_of
from tui.model.tasks import task_name
from tui.model.text import tail
from tui.screens import join_part
from tui.screens.glancing import GlancingScreen
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

FIELDS = ("state", "goal", "worker", "why", "target", "verdict", "depends")


class JoinScreen(GlancingScreen):
    """`enter` on a task, a dispatch or a fan-out."""

    name_ = JOIN
    fields = FIELDS

    def __init__(self, thread: str) -> None:
        super().__init__()
        self.thread = thread

    @property
    def wants(self) -> str | None:
        return self.thread

    @property
    def crumb(self) -> str:
        task = self.world.task(self.thread)
        return task_name(task) if task else tail(self.thread)

    def body(self) -> Sequence[Widget]:
        return (SplitPane(Vertical(*join_part.widgets(self), classes="rows"), DetailPane()),)

    def fill(self, now: float) -> None:
        join_part.fill(self, now, self.thread)
        split, table = self.query_one(SplitPane), self.query_one(f"#{join_part.SUBTASKS}", Table)
        summary = len(self.query_one(f"#{join_part.SUMMARY}", Lines).text.splitlines())
        most = max(3, self.body_height() - summary)
        below = split.leave(0 if split.is_wide else most - table.wanted_height - 1)
        table.take(None if split.is_wide else table.wanted_height if below else most)

    def copied(self) -> str | None:
        return self.thread

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        subject = subject_of(join_part.SUBTASKS, event.key, self.thread)
        if subject.index is None:
            self.app.push_screen(JoinScreen(subject.thread))
        else:
            self.app.push_screen(screens.SubtaskScreen(subject.thread, subject.index))
