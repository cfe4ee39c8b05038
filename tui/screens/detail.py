"""Everything known about one instance, task, or subtask, on the whole screen."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Final

from textual.widget import Widget

from tui.connection.output_follower import OutputFollower
from tui.model import facts, fleet, tree
from tui.model.actions import DETAIL
from tui.model.children import task_children
from tui.model.output import last_lines
from tui.model.subject import Subject
from tui.model.tasks import task_name
from tui.model.text import tail
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.lines import Lines, Span
from tui.widgets.pane import Pane

LAST_LINES: Final = 5


class DetailScreen(ConsoleScreen):
    """Names and values, scrollable."""

    AUTO_FOCUS = "Pane"
    name_ = DETAIL
    BINDINGS = bindings("detail")

    def body(self) -> Sequence[Widget]:
        return (Pane(Lines(id="facts")),)

    def facts(self, now: float) -> list[facts.Fact]:
        raise NotImplementedError

    def fill(self, now: float) -> None:
        shown = self.facts(now) or [("", tree.Line("it is not there any more; esc goes back", "muted"))]
        self.query_one("#facts", Lines).show(
            [
                (Span(f" {name}", "muted"), Span(line.text, line.tone))
                for name, line in facts.wrapped(shown, self.size.width - 4)
            ]
        )


class InstanceScreen(DetailScreen):
    """`enter` on an instance."""

    def __init__(self, did: str) -> None:
        super().__init__()
        self.did = did

    @property
    def crumb(self) -> str:
        status = self.world.status
        return fleet.instance_name(self.did, status) if status else tail(self.did)

    def facts(self, now: float) -> list[facts.Fact]:
        world = self.world
        return facts.instance_facts(world, self.did, world.moment(now), self.console.glyphs)

    def subject(self) -> Subject:
        return Subject(did=self.did)

    def copied(self) -> str | None:
        return self.did


class TaskScreen(DetailScreen):
    """`enter` on a task without a fan-out."""

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

    def facts(self, now: float) -> list[facts.Fact]:
        world, glyphs = self.world, self.console.glyphs
        task = world.task(self.thread)
        if task is None:
            return []
        why = world.why if world.why is not None and world.why.thread == self.thread else None
        children = task_children(why.children, glyphs) if why is not None else []
        return [*facts.task_facts(world, task, world.moment(now), glyphs), *children]

    def subject(self) -> Subject:
        return Subject(thread=self.thread)

    def copied(self) -> str | None:
        return self.thread


class SubtaskScreen(DetailScreen):
    """`enter` on a subtask."""

    def __init__(self, thread: str, index: int) -> None:
        super().__init__()
        self.thread, self.index = thread, index
        self._output: OutputFollower | None = None

    @property
    def wants(self) -> str | None:
        return self.thread

    @property
    def output(self) -> OutputFollower:
        if self._output is None:
            outside = self.session.outside
            self._output = OutputFollower(
                self.session, self.thread, self.index, self._news, outside.sleep, LAST_LINES, outside.jitter
            )
        return self._output

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.output.run()

    def _news(self) -> None:
        if self.is_mounted:
            self.call_next(self.show)

    @property
    def crumb(self) -> str:
        task = self.world.task(self.thread)
        return f"{task_name(task) if task else tail(self.thread)}[{self.index}]"

    def crumb_in(self, before: ConsoleScreen) -> str:
        return f"[{self.index}]" if before.of_thread == self.thread else self.crumb

    def facts(self, now: float) -> list[facts.Fact]:
        world = self.world
        children = world.join.subtasks if world.join else []
        child = next((one for one in children if one.index == self.index), None)
        if child is None:
            return []
        output = self.output
        output.keep_up(child.attempt)
        told = facts.subtask_facts(world, self.thread, self.index, world.moment(now), self.console.glyphs)
        return [*told, *last_lines(output.ring, output.page, output.trouble, LAST_LINES)]

    def subject(self) -> Subject:
        return Subject(thread=self.thread, index=self.index)

    def copied(self) -> str | None:
        world = self.world
        children = world.join.subtasks if world.join else []
        return next((one.child_thread for one in children if one.index == self.index), None) or self.thread
