"""Tasks: the list, and for the chosen one its join-status tree, its predicate and why, its timeline."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from syncropel.api.schema import JoinStatus, TaskSummary
from tui.model import empty
from tui.model.cells import Scene
from tui.model.frame import rule_line
from tui.model.layout import share
from tui.model.state import State
from tui.model.subtasks import SUBTASKS, child_lines, join_lines, subtasks
from tui.model.tasks import TASKS
from tui.model.timeline import TIMELINE, axis, bars, scale, speedup_line
from tui.screens.base import ConsoleScreen, bindings
from tui.widgets.lines import Lines
from tui.widgets.section import Section
from tui.widgets.table import Table

WIDE: Final = 160  # columns from which list and detail stand side by side
BOTH: Final = 4  # rows of each, subtasks and timeline, that make it worth showing both


class TasksScreen(ConsoleScreen):
    """`enter` gives the chosen task the whole screen, `esc` brings the list back."""

    NAME = "tasks"
    BINDINGS: ClassVar = bindings("tasks")

    def __init__(self) -> None:
        super().__init__()
        self.list = Section("Tasks", TASKS)
        self.subtasks = Section("Subtasks", SUBTASKS)
        self.timeline = Section("Timeline", TIMELINE)
        self.full = False
        self.prefers_timeline = False

    def sections(self) -> list[Section[Any]]:
        return [self.list, self.subtasks, self.timeline]

    def filtered_with(self, table: Table[Any]) -> list[Table[Any]]:
        both: list[Table[Any]] = [self.subtasks.table, self.timeline.table]
        return both if table in both else [table]

    def compose_body(self) -> ComposeResult:
        yield Lines("nothing")
        yield self.list
        with Vertical(id="detail"):
            yield Lines("task")
            yield self.subtasks
            yield Lines("child")
            yield self.timeline
            yield Lines("speedup")

    @property
    def chosen(self) -> TaskSummary | None:
        return self.list.table.current

    def crumb(self) -> str:
        return _name(self.chosen) if self.full and self.chosen else ""

    def show_body(self, state: State, now: float) -> None:
        app = self.console_app
        unknown = state.fleet.status is None and state.tasks is None
        self.query_one("#nothing", Lines).show(empty.no_fleet(state.link, app.where) if unknown else ())
        tasks = state.tasks or ()
        facts = [f"{len(tasks):,}"] if tasks else []
        facts += [f"could not be read again: {state.tasks_error}"] if state.tasks_error else []
        self.list.show(tasks, now, facts, empty.no_tasks(state.tasks is not None))
        if self.chosen is None:
            self.full = False
        self.list.display = not unknown and not self.full
        self.query_one("#detail").display = not unknown and self.chosen is not None
        self._show_detail(state, now)

    def _join(self, state: State) -> JoinStatus | None:
        return state.join if self.chosen is not None and state.join_of == self.chosen.thread else None

    def _show_detail(self, state: State, now: float) -> None:
        task, join = self.chosen, self._join(state)
        if task is None:
            return
        self.subtasks.show(subtasks(join), now, self._tree_facts(join))
        self.timeline.show(bars(join, now), now, [])
        self._show_moving(state, now)

    def _tree_facts(self, join: JoinStatus | None) -> list[str]:
        return [f"{len(join.subtasks):,}"] if join is not None else []

    def _show_moving(self, state: State, now: float) -> None:
        """The lines whose numbers run."""
        task, join, glyphs = self.chosen, self._join(state), self.console_app.glyphs
        assert task is not None
        width = self.query_one("#detail").size.width or self.app.size.width
        title = rule_line(_name(task), [task.goal], width, False, glyphs)
        head, gain = self.query_one("#task", Lines), self.query_one("#speedup", Lines)
        if join is None:
            reading = state.join_of != task.thread and task.subtasks
            words = empty.say("reading its fan-out") if reading else empty.no_fan_out(_name(task))
            head.show((title, *words))
            gain.show(())
        else:
            head.show((title, *join_lines(join, now, glyphs)))
            gain.show((speedup_line(join, glyphs),))
            self._show_axis(join, now)
        self._show_child(now)
        for lines in (head, gain):
            lines.set_dimmed(state.fleet.status is not None and not state.link.live)

    def _show_axis(self, join: JoinStatus, now: float) -> None:
        bar = next((one for one in self.timeline.table.placed if one.column.key == "bar"), None)
        if bar is not None:
            heading = axis(scale(join, now), bar.width, self.console_app.glyphs)
            self.timeline.table.set_heading("bar", heading)

    @on(Table.Viewed)
    def _seen_anew(self, event: Table.Viewed) -> None:
        join = self._join(self.console_app.state)
        if event.table is self.timeline.table and join is not None:
            self._show_axis(join, self.console_app.now())

    def _show_child(self, now: float) -> None:
        child = self.subtasks.table.current
        lines = child_lines(child, Scene(now, self.console_app.glyphs)) if self.full and child else ()
        self.query_one("#child", Lines).show(lines)

    def tick(self, state: State) -> None:
        super().tick(state)
        now = self.console_app.now()
        if state.fleet.status is None and state.tasks is None:
            self.query_one("#nothing", Lines).show(empty.no_fleet(state.link, self.console_app.where))
        elif self.chosen is not None:
            join = self._join(state)
            if join is not None and not join.complete:
                self.timeline.table.show(bars(join, now), now)
                self._show_moving(state, now)

    def share_rows(self) -> None:
        detail = self.query_one("#detail")
        wide = self.app.size.width >= WIDE and self.list.display and detail.display
        self.set_class(wide, "-wide")
        room = self.body_rows
        if not detail.display:
            self.list.styles.height = room
            return
        if wide or not self.list.display:
            self.list.styles.height = room
        else:
            wanted = min(self.list.wanted_rows, max(5, room // 3))
            self.list.styles.height = wanted
            room -= wanted
        self._arrange_detail(room)

    def _arrange_detail(self, room: int) -> None:
        lines = [self.query_one(f"#{name}", Lines) for name in ("task", "child", "speedup")]
        room -= sum(one.virtual_size.height for one in lines if one.display)
        rows = self.subtasks.table.total
        wants = [self.subtasks.wanted_rows, self.timeline.wanted_rows]
        both = room >= 2 * (2 + min(rows, BOTH))
        self.subtasks.display = bool(rows) and (both or not self.prefers_timeline)
        self.timeline.display = bool(rows) and (both or self.prefers_timeline)
        shown = [section for section in (self.subtasks, self.timeline) if section.display]
        given = share(room, wants if both else wants[:1])
        for section, height in zip(shown, given, strict=False):
            section.styles.height = height

    @on(Table.Chosen)
    def _row_chosen(self, event: Table.Chosen) -> None:
        if event.table is self.list.table:
            self.console_app.choose_task(event.key)
            self.apply(self.console_app.state)
        elif event.table is self.subtasks.table:
            self.timeline.table.choose(event.key)
            self._show_child(self.console_app.now())
            self.share_rows()
        else:
            self.subtasks.table.choose(event.key)

    def copied(self, table: Table[Any]) -> str:
        if table is self.list.table or self.chosen is None:
            return table.chosen
        child = self.subtasks.table.current
        return (child.child.child_thread if child else None) or self.chosen.thread

    def open(self, thread: str) -> None:
        """Go to a task, wherever the screen is."""
        self.leave_filter()
        self.list.table.choose(thread)
        self.full = self.list.table.chosen == thread
        self.apply(self.console_app.state)
        self._focus_detail()

    def _focus_detail(self) -> None:
        if self.full and self.tables():
            self.tables()[0].focus()

    async def action_enter(self) -> None:
        if self.chosen is not None and not self.full:
            self.full = True
            self.apply(self.console_app.state)
            self._focus_detail()

    def leave(self) -> None:
        if self.full:
            self.full = False
            self.apply(self.console_app.state)
            self.list.table.focus()

    def action_timeline(self) -> None:
        if self.subtasks.display and self.timeline.display:
            self.console_app.say("both are shown already")
            return
        self.prefers_timeline = not self.prefers_timeline
        self.share_rows()
        tables = [table for table in self.tables() if table is not self.list.table]
        if tables and self.focused is not self.list.table:
            tables[0].focus()


def _name(task: TaskSummary) -> str:
    return task.alias or task.thread[:11]
