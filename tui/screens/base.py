"""What all screens share: header, banner, filter, footer, and one way to show the world."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.worker import Worker

from tui import dialogs, screens
from tui.model import actions, unread
from tui.model.facts import Fact
from tui.model.places import Place
from tui.model.setup import BASE_SCREENS
from tui.model.subject import Subject, short_label
from tui.screens import frame
from tui.screens.sort_filter import SortFilter
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines
from tui.widgets.split_pane import SplitPane
from tui.widgets.subtasks import SubtaskTable
from tui.widgets.table import Table

SOUGHT_SECS = 5.0
"""How long a row that is gone to is waited for; after that the cursor stays where the operator put it."""


class ConsoleScreen(SortFilter):
    """Base of all screens."""

    AUTO_FOCUS = "Table"
    BINDINGS = bindings("screen")

    def __init__(self) -> None:
        super().__init__()
        self._worker: Worker[None] | None = None
        self._sought: tuple[str, str, float] | None = None

    def subject(self) -> Subject:
        """The subject of the selected row of the table in focus."""
        table = self.focused_table()
        if table is None or table.id is None or table.chosen is None:
            return Subject()
        return self.subject_at(table, table.chosen)

    @property
    def of_thread(self) -> str | None:
        """The thread that the whole screen is about, if any."""
        return getattr(self, "thread", None)

    def lies_in(self, before: ConsoleScreen) -> bool:
        """Whether it is about part of what the screen that opened it is about."""
        if self.of_thread is None or before.of_thread is None:
            return True
        return self.world.is_part(self.of_thread, before.of_thread)

    def crumb_in(self, before: ConsoleScreen) -> str:
        """Its part of the breadcrumb trail, after another screen's."""
        return self.crumb

    @property
    def crumb(self) -> str:
        """Its part of the breadcrumb trail."""
        return self.name_.capitalize()

    @property
    def trail(self) -> str:
        """The breadcrumb trail: the titles of the stacked screens. One that is not about part of its opener
        follows the first directly.
        """
        path: list[ConsoleScreen] = []
        words: list[str] = []
        for one in self.app.screen_stack:
            if isinstance(one, ConsoleScreen):
                if len(path) > 1 and not one.lies_in(path[-1]):
                    del path[1:], words[1:]
                words.append(one.crumb_in(path[-1]) if path else one.crumb)
                path.append(one)
        return " › ".join(words)

    def compose(self) -> ComposeResult:
        yield Lines(id="tiny")
        yield Lines(id="header")
        yield Lines(id="banner")
        with Vertical(id="body"):
            yield from self.body()
        yield FilterBar(" ".join(self.fields[:6]))
        yield Lines(id="filter-says")
        yield Lines(id="footer")

    def body(self) -> Sequence[Widget]:
        """The widgets between banner and footer."""
        return ()

    async def on_event(self, event: events.Event) -> None:
        """Let everything else take a turn between two events: a first view is twenty of them in a row."""
        await super().on_event(event)
        await asyncio.sleep(0)

    # showing the world

    def show(self) -> None:
        """Show the world as of now. Called for news, once a second, and when the screen comes up."""
        if not self.is_mounted or not self.size:
            return
        now, width = self.console.clock(), self.size.width
        tiny = frame.too_small(self, now)
        self.set_class(bool(tiny), "tiny")
        if self.came_back() and self._worker is not None:
            self._rest_from_work()
            self._work()
        self.query_one("#tiny", Lines).show(tiny)
        if tiny:
            return
        self.query_one("#header", Lines).show([frame.header(self, now, width)])
        self.query_one("#banner", Lines).show(frame.banner(self, now, width))
        split = self.query_one_optional(SplitPane)
        if split is not None and split.spread(width):
            self.call_after_refresh(self.show)  # with the resulting widths
        self.fill(now)
        self._reach(now)
        self.look()
        self.query_one("#footer", Lines).show([frame.footer(self, now, width)])

    def fill(self, now: float) -> None:
        """Fill the body."""

    def place(self, base: str) -> Place | None:
        """Where the operator is; None for what nobody can come back to. `base` is the screen that this one
        lies on.
        """
        thread, index, did = self.of_thread or "", getattr(self, "index", None), getattr(self, "did", "")
        is_base = self.name_ in BASE_SCREENS
        if self.name_ == actions.COMPARE or (is_base and self.app.screen_stack[0] is not self):
            return None
        if not is_base and not thread and not did and self.name_ != actions.LOGS:
            return None
        table = self.focused_table()
        row = (table.chosen or "") if table is not None else ""
        sorts = tuple((name, *order) for name, order in sorted(self._sorts.items()))
        name = short_label(self.world, self.subject_at(table, row)) if table is not None and row else ""
        words = f"{self.trail} › {name}" if name else self.trail
        return Place(
            self.name_, base, thread, index, did, (table.id or "") if table is not None else "", row,
            self.filter.text, sorts, words,
        )  # fmt: skip

    def look_as(self, view: Place) -> None:
        """Set the filter and the sort orders of a view, and show its table."""
        self._sorts.clear()
        self._sorts.update({table: (column, down) for table, column, down in view.sorts})
        self.set_filter(view.filter)
        self.console.preferences.save()
        if view.table:
            self.seek(view.table, "")

    def seek(self, table: str, row: str) -> None:
        """Put the cursor on this row of this table as soon as it is there, also where a filter hides it."""
        self._sought = (table, row, self.console.clock() + SOUGHT_SECS)
        self.show()

    def _reach(self, now: float) -> None:
        if self._sought is None:
            return
        name, row, until = self._sought
        table = self.query_one(f"#{name}", Table)
        if not row or row in table.keys:
            self._sought = None
            table.focus()
            table.select(row)
        elif now > until:
            self._sought = None
            self.notify("that row is not there any more", severity="warning", timeout=4)
        elif self.filter and self.is_sure(table):
            self.set_filter("")

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        """The name of the row under the cursor, and everything known about it."""
        return "", ()

    def look(self) -> None:
        """Show details of the row under the cursor, where there is room."""
        now, about = self.console.clock(), self.query_one_optional(DetailPane)
        if about is not None and about.display:
            about.tell(*self.about(now), dimmed=not self.world.link.at(now).is_live)

    @property
    def details_shown(self) -> bool:
        """Whether there is room for details of the row under the cursor."""
        about = self.query_one_optional(DetailPane)
        return about is not None and bool(about.display)

    def about_below(self, table: Table) -> None:
        """Show details of the selected row below a table that does not need the whole height."""
        split = self.query_one(SplitPane)
        wanted = table.wanted_height
        table.take(wanted if split.leave(split.size.height - wanted) else None)

    def on_pair_resized(self) -> None:
        self.show()

    def unread(self, what: str, trouble: str = "") -> tuple[str, ...]:
        """The text in place of unread data; `trouble` is the daemon's reason."""
        link, first = self.world.link.at(self.console.clock()), self.console.keymap.first
        keys = unread.Keys(first(actions.TO_FLEET), first(actions.RECONNECT))
        return unread.lines(what, link, self.console.glyphs, keys, trouble)

    def body_height(self) -> int:
        """Lines between banner and footer."""
        used = sum(self.query_one(one, Lines).outer_size.height for one in ("#header", "#footer"))
        banner = self.query_one("#banner", Lines)
        lines = len(banner.text.splitlines()) if banner.display else 0
        typing = int(self.query_one(FilterBar).display) + int(self.query_one("#filter-says", Lines).display)
        return max(3, self.size.height - max(used, 2) - lines - typing)

    def on_screen_resume(self) -> None:
        self.session.follow(self.wants)
        self.show()
        self.console.note_place()
        if self._worker is None:
            self._work()

    def on_screen_suspend(self) -> None:
        self._rest_from_work()

    def _work(self) -> None:
        if (work := self.while_shown()) is not None:
            self._worker = self.run_worker(work, name=self.name_, exit_on_error=False)

    def _rest_from_work(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    def while_shown(self) -> Coroutine[Any, Any, None] | None:
        """Work that runs while this screen is in front; restarted when it is shown again, and when the daemon
        is back.
        """
        return None

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.show)

    def on_subtask_table_folded(self) -> None:
        self.show()

    def on_table_chosen(self) -> None:
        if self.app.screen is self:  # rows also come and go on a covered screen
            self.session.follow(self.wants)
            self.look()
            self.console.note_place()

    def on_descendant_focus(self) -> None:
        self.look()

    # keys

    def action_next(self) -> None:
        self.focus_next(Table)

    def action_unfold(self) -> None:
        """Unfold the selected line, or fold it."""
        table = self.focused_table()
        if not (isinstance(table, SubtaskTable) and table.toggle()):
            self.notify("this row has nothing to unfold", timeout=3)

    def action_what_if(self) -> None:
        """Ask how another predicate would have joined the fan-out that is shown."""
        task, join = self.world.task(self.wants), self.world.join
        if task is not None:
            same = join is not None and join.thread == task.thread
            name = task.alias or task.thread
            self.app.push_screen(dialogs.WhatIfDialog(name, join.join if join and same else "all"))

    def action_why(self) -> None:
        """Why the task that is shown, or under the cursor, has its status."""
        if (task := self.world.task(self.wants or self.subject().thread)) is not None:
            self.app.push_screen(dialogs.WhyDialog(task.alias or task.thread))
        else:
            self.notify("this row is not a task", timeout=3)

    def action_owner(self) -> None:
        """Go up from what is under the cursor: to its task, or to what runs on the instance."""
        subject = self.subject()
        if subject.did:
            name = short_label(self.world, subject)
            self.console.call_next(
                self.console.go, Place(actions.FLEET, filter=f'instance:"{name}"', table="dispatches")
            )
            return
        task = self.world.task(subject.thread)
        above = Place(actions.JOIN, actions.TASKS, subject.thread) if subject.index is not None else None
        if above is None and task is not None and task.parent_thread:
            above = Place(actions.JOIN, actions.TASKS, task.parent_thread)
        if above is not None and self.of_thread == above.thread and self.name_ == actions.JOIN:
            above = None  # it is in front already: go on to the list
        if above is None and task is not None and self.name_ != actions.TASKS:
            above = Place(actions.TASKS, table="tasks", row=subject.thread)
        if above is None:
            self.notify("nothing is above this row", timeout=3)
        else:
            self.console.call_next(self.console.go, above)

    def action_replay(self) -> None:
        """Replay the thread of the item under the cursor."""
        if thread := self.subject().thread:
            self.app.push_screen(screens.ReplayScreen(thread))
        else:
            self.notify("this row has no thread to replay", timeout=3)

    def action_output(self) -> None:
        """Show the output of the subtask under the cursor, or the log of the instance."""
        if did := self.subject().did:
            self.app.push_screen(screens.LogsScreen(did))
        elif (subtask := self._subtask("l")) is not None:
            self.app.push_screen(screens.OutputScreen(*subtask))

    def action_review(self) -> None:
        """Show what the subtask under the cursor has changed."""
        if (subtask := self._subtask("v")) is not None:
            self.app.push_screen(screens.ReviewScreen(*subtask))

    def read_again(self) -> None:
        """Read again what this screen alone reads, and would not ask for by itself."""

    def action_moved(self, key: str, name: str) -> None:
        """A key that meant something else here before."""
        action = next(one for one in actions.ALL if one.name == name)
        now = self.console.keymap.first(action)
        self.notify(f"{actions.shown_key(key)} is {now} now: {action.description}", timeout=5)

    def _subtask(self, key: str) -> tuple[str, int] | None:
        """The subtask under the cursor; None, and a word about it, when that is on something else."""
        subject = self.subject()
        if subject.thread and subject.index is not None:
            return subject.thread, subject.index
        self.notify(f"this row is not a subtask: tab to the subtasks, then press {key}", timeout=3)
        return None

    def action_yank(self) -> None:
        if (words := self.copied()) is not None:
            self.yank(words)

    def copied(self) -> str | None:
        """What `y` copies."""
        table = self.focused_table()
        return table.chosen if table else None

    def actions(self) -> list[actions.Action]:
        return actions.for_screen(self.name_)
