"""A whole screen for one thing about a subtask, such as its output; its name is the last crumb."""

from __future__ import annotations

from tui.model.actions import DETAIL
from tui.model.subject import Subject, short_label
from tui.screens.base import ConsoleScreen


class OfSubtask(ConsoleScreen):
    """About the subtask with this index of the task on this thread."""

    def __init__(self, thread: str, index: int) -> None:
        super().__init__()
        self.thread, self.index = thread, index

    @property
    def wants(self) -> str | None:
        return self.thread

    @property
    def crumb(self) -> str:
        return f"{short_label(self.world, self.subject())} {self.name_}"

    def crumb_in(self, before: ConsoleScreen) -> str:
        if before.of_thread != self.thread:
            return self.crumb
        return self.name_ if before.name_ == DETAIL else f"[{self.index}] {self.name_}"

    def subject(self) -> Subject:
        return Subject(thread=self.thread, index=self.index)
