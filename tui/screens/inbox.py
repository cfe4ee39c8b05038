"""The Inbox screen: everything that waits for the operator, on any instance, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.widget import Widget

from tui import dialogs, screens
from tui.model import inbox
from tui.model.actions import INBOX
from tui.model.facts import Fact, subtask_facts
from tui.model.subject import Subject
from tui.screens.base import ConsoleScreen
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

_NOTHING = ("nothing waits for you",)


class InboxScreen(ConsoleScreen):
    """`6`. Enter answers what an agent asks, reviews what is to be reviewed, and opens what else waits."""

    name_ = INBOX
    fields: ClassVar[tuple[str, ...]] = ("kind", "task", "what", "where", "thread")

    def body(self) -> Sequence[Widget]:
        rows = Table(inbox.INBOX, self.console.glyphs, id="inbox")
        return (Lines(id="inbox-state"), SplitPane(rows, DetailPane()))

    @property
    def chosen(self) -> str | None:
        return self.query_one("#inbox", Table).chosen

    @property
    def wants(self) -> str | None:
        """The task of the selected row: its subtasks are what the keys act on."""
        if not self.is_mounted or (item := inbox.find(self.world, self.chosen)) is None:
            return None
        return item.thread

    def subject_at(self, table: Table, key: str) -> Subject:
        item = inbox.find(self.world, key)
        return inbox.subject(item) if item is not None else Subject()

    # showing

    def fill(self, now: float) -> None:
        world, glyphs = self.world, self.console.glyphs
        table = self.query_one("#inbox", Table)
        items = world.inbox
        if self.session.fleet.offline:
            self.select(table, (), "INBOX", ("records of the past ask nobody",))
            return
        if items is None:
            unread = self.unread("what waits for you", world.inbox_trouble)
            self.select(table, None, "INBOX", unread)
        else:
            table.measure(items, lambda: inbox.longest(items))
            self.select(table, inbox.inbox_rows(items, world.moment(now), glyphs), "INBOX", self._empty(now))
        trouble = world.inbox_trouble if items is not None and world.link.at(now).is_live else ""
        words = f" {glyphs.sign('unknown')} not known what waits now: {glyphs.text(trouble)}"
        self.query_one("#inbox-state", Lines).show([(Span(words, "warn"),)] if trouble else [])
        self.about_below(table)

    def _empty(self, now: float) -> tuple[str, ...]:
        """The text in place of rows: that nothing waits is said only while that is known."""
        if self.world.link.at(now).is_live and not self.world.inbox_trouble:
            return _NOTHING
        return ("nothing waited for you when the daemon was last heard",)

    def about(self, now: float) -> tuple[str, Sequence[Fact]]:
        world, glyphs = self.world, self.console.glyphs
        item, at = inbox.find(world, self.chosen), world.moment(now)
        if item is None:
            return "", ()
        told = inbox.facts(item, at, glyphs)
        if item.index is not None:
            told += subtask_facts(world, item.thread, item.index, at, glyphs)
        return inbox.place(item), told

    # keys

    def copied(self) -> str | None:
        """The command that answers the selected row, or shows what to do."""
        item = inbox.find(self.world, self.chosen)
        return item.command if item is not None else None

    @on(Table.Opened)
    async def open_row(self, event: Table.Opened) -> None:
        item = inbox.find(self.world, event.key)
        if item is None:
            return
        if (dialog := dialogs.answering(item)) is not None:
            await self.app.push_screen(dialog)
        elif item.kind == "review" and item.index is not None:
            self.app.push_screen(screens.ReviewScreen(item.thread, item.index))
        elif item.index is not None:
            self.app.push_screen(screens.SubtaskScreen(item.thread, item.index))
        else:
            self.app.push_screen(screens.JoinScreen(item.thread))
