"""What all screens have: header, banner, filter, footer, and one way to be shown the world."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker

from tui import actions, dialogs
from tui.dialogs.control import Control
from tui.model import filters, unread
from tui.model.arrangement import Arrangement, Sort
from tui.model.facts import Fact
from tui.model.rows import Row, Rows
from tui.model.subject import Subject, subject_of
from tui.screens import frame
from tui.widgets.about import About
from tui.widgets.bindings import bindings
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines
from tui.widgets.pair import Pair
from tui.widgets.subtasks import SubtaskTable
from tui.widgets.table import Table


class ConsoleScreen(Control):
    """Base of all screens. `name_` is its name in the action table, `fields` what filters can name."""

    AUTO_FOCUS = "Table"
    name_: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    BINDINGS = bindings("screen")
    unsortable: ClassVar[frozenset[str]] = frozenset({"timeline"})

    def __init__(self) -> None:
        super().__init__()
        self.filter = filters.Filter()
        self._arrangements: dict[str, Arrangement] = {}
        self._going_on = False
        self._worker: Worker[None] | None = None

    def subject(self) -> Subject:
        """What the chosen row of the table in focus is about."""
        table = self.focused_table()
        if table is None or table.id is None or table.chosen is None:
            return Subject()
        return subject_of(table.id, table.chosen, self.wants)

    @property
    def _sorts(self) -> dict[str, Sort]:
        """By which column each table is sorted: of this fleet, and kept for the next run."""
        return self.console.memory.orders(self.session.fleet.name, self.name_)

    @property
    def crumb(self) -> str:
        """Its part of the breadcrumb."""
        return self.name_.capitalize()

    @property
    def wants(self) -> str | None:
        """The task whose join this screen shows."""
        return None

    def compose(self) -> ComposeResult:
        yield Lines(id="tiny")
        yield Lines(id="header")
        yield Lines(id="banner")
        with Vertical(id="body"):
            yield from self.body()
        yield FilterBar(" ".join(self.fields[:6]))
        yield Lines(id="footer")

    def body(self) -> Sequence[Widget]:
        """The widgets between banner and footer."""
        return ()

    async def on_event(self, event: events.Event) -> None:
        """Let everything else have its turn between two events: a first view is twenty of them in a row."""
        await super().on_event(event)
        await asyncio.sleep(0)

    # showing the world

    def show(self) -> None:
        """Show the world as it is now. Called for news, once a second, and when the screen comes up."""
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
        for pair in self.query(Pair):
            if pair.spread(width):
                self.call_after_refresh(self.show)  # with the widths that come of it
        self.fill(now)
        self.look()
        self.query_one("#footer", Lines).show([frame.footer(self, now, width)])

    def fill(self, now: float) -> None:
        """Fill the body."""

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        """What the row under the cursor is called, and all that is known of it."""
        return "", ()

    def look(self) -> None:
        """Tell about the row under the cursor, where there is room for that."""
        now = self.console.clock()
        for about in self.query(About):
            if about.display:
                about.tell(*self.about(now), dimmed=not self.world.link.at(now).is_live)

    def about_below(self, table: Table) -> None:
        """Tell about the chosen row below a table that does not need the whole height."""
        pair = self.query_one(Pair)
        wanted = table.wanted_height
        table.take(wanted if pair.leave(pair.size.height - wanted) else None)

    def on_pair_resized(self) -> None:
        self.show()

    def arranges(self, table: str) -> bool:
        """Whether the operator wants the rows of this table filtered or sorted."""
        return bool(self.filter) or table in self._sorts

    def unread(self, what: str, trouble: str = "") -> tuple[str, ...]:
        """What stands in the place of what was never read; `trouble` says why the daemon did not tell it."""
        link, first = self.world.link.at(self.console.clock()), self.console.keymap.first
        keys = unread.Keys(first(actions.TO_FLEET), first(actions.RECONNECT))
        return unread.lines(what, link, self.console.glyphs, keys, trouble)

    def select(
        self,
        table: Table,
        rows: Sequence[Row] | None,
        name: str,
        empty: Sequence[str],
        *,
        of: int | None = None,
    ) -> None:
        """Show rows in a table, filtered and sorted as the operator wants them; None were never read.

        `of`: how many things the rows stand for, when some stand for several.
        """
        which = table.id or ""
        sort = self._sorts.get(which)
        arrangement = self._arrangements.setdefault(which, Arrangement())
        kept = arrangement.arrange(Rows.of(rows or ()), self.filter, sort)
        title = f"{name} {unread.count(None if rows is None else len(rows) if of is None else of)}"
        if self.session.fleet.offline:
            empty = empty[:1]  # what to type about it would change another fleet than this one
        if arrangement.unfinished:
            title = f"{title} · looking through them"
            self._go_on()
        elif self.filter and rows is not None:
            title = f"{name} {len(kept)} of {len(rows)} · filter {self.filter.text}"
            if rows and not kept:
                empty = (filters.nothing(self.filter),)
        table.show(
            kept,
            title=title,
            empty=empty,
            sort=sort,
            dimmed=not self.world.link.at(self.console.clock()).is_live,
        )

    def _go_on(self) -> None:
        """Show again when all that waits by now had its turn: keys before the rest of many rows."""
        if not self._going_on:
            self._going_on = True
            asyncio.get_running_loop().call_soon(self.call_later, self._gone_on)

    def _gone_on(self) -> None:
        self._going_on = False
        if self in self.app.screen_stack:  # else it goes on when it is looked at again
            self.show()

    def body_height(self) -> int:
        """Lines between banner and footer."""
        used = sum(self.query_one(one, Lines).outer_size.height for one in ("#header", "#footer"))
        banner = self.query_one("#banner", Lines)
        lines = len(banner.text.splitlines()) if banner.display else 0
        return max(3, self.size.height - max(used, 2) - lines - int(self.query_one(FilterBar).display))

    def on_screen_resume(self) -> None:
        self.session.follow(self.wants)
        self.show()
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
        """Work that goes on for as long as this screen is looked at; begins anew when it is again, and when
        the daemon is back."""
        return None

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.show)

    def on_subtask_table_folded(self) -> None:
        self.show()

    def on_table_chosen(self) -> None:
        if self.app.screen is self:  # rows come and go on a screen that is covered, too
            self.session.follow(self.wants)
            self.look()

    def on_descendant_focus(self) -> None:
        self.look()

    # keys

    def focused_table(self) -> Table | None:
        focused = self.focused
        return focused if isinstance(focused, Table) else next(iter(self.query(Table)), None)

    def action_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.display = True
        self.set_focus(bar)  # at once: the widget's own way there comes after the next key
        self.call_after_refresh(self.show)

    def set_filter(self, words: str) -> None:
        """Filter by these words, as if they had been typed."""
        bar = self.query_one(FilterBar)
        bar.display, bar.value = bool(words), words
        self.call_after_refresh(self.show)

    def action_trouble(self) -> None:
        """Only what is in trouble; everything again."""
        self.set_filter(filters.turned(self.filter.text, filters.TROUBLE))

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self.filter = filters.parse(event.value, self.fields)
        self.show()

    @on(Input.Submitted, "#filter")
    def close_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.display = bool(self.filter)
        if (table := self.focused_table()) is not None:
            table.focus()
        self.call_after_refresh(self.show)

    def action_back(self) -> None:
        bar = self.query_one(FilterBar)
        if bar.display:
            bar.value = ""
            self.filter = filters.Filter()
            self.close_filter()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_sort(self) -> None:
        """Sort the table in focus by its next column; after the last as the rows come."""
        if (table := self.focused_table()) is None or table.id is None:
            return
        keys = [one for one in table.shown_columns if one not in self.unsortable]
        now = self._sorts.get(table.id)
        place = keys.index(now[0]) + 1 if now and now[0] in keys else 0
        if now and place >= len(keys):
            del self._sorts[table.id]
        else:
            self._sorts[table.id] = (keys[place], False)
        self.console.memory.save()
        self.show()

    def action_reverse(self) -> None:
        if (table := self.focused_table()) is not None and (now := self._sorts.get(table.id or "")):
            self._sorts[table.id or ""] = (now[0], not now[1])
            self.console.memory.save()
            self.show()

    def action_next(self) -> None:
        self.focus_next(Table)

    def action_unfold(self) -> None:
        """Show what the chosen line stands for beneath it, or fold that away."""
        table = self.focused_table()
        if not (isinstance(table, SubtaskTable) and table.toggle()):
            self.notify("this row has nothing to unfold", timeout=3)

    def action_what_if(self) -> None:
        """Ask what another predicate would have done to the fan-out that is shown."""
        task, join = self.world.task(self.wants), self.world.join
        if task is not None:
            same = join is not None and join.thread == task.thread
            name = task.alias or task.thread
            self.app.push_screen(dialogs.WhatIfDialog(name, join.join if join and same else "all"))

    def action_why(self) -> None:
        """Why the task that is shown, or that the cursor is on, stands as it does."""
        if (task := self.world.task(self.wants or self.subject().thread)) is not None:
            self.app.push_screen(dialogs.WhyDialog(task.alias or task.thread))
        else:
            self.notify("this row is no task", timeout=3)

    def action_replay(self) -> None:
        """The thread of what the cursor is on."""
        if thread := self.subject().thread:
            self.console.open_replay(thread)
        else:
            self.notify("this row has no thread to replay", timeout=3)

    def action_yank(self) -> None:
        if (words := self.copied()) is not None:
            self.console.yank(words)

    def copied(self) -> str | None:
        """What `y` copies."""
        table = self.focused_table()
        return table.chosen if table else None

    def actions(self) -> list[actions.Action]:
        return actions.for_screen(self.name_)
