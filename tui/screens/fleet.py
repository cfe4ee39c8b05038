"""The Fleet screen: the instances, what runs where, and what is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.containers import Vertical
from textual.widget import Widget

from tui import dialogs, screens
from tui.model import actions, facts, first_run, fleet
from tui.model.actions import FLEET
from tui.model.charts import sparkline
from tui.model.layout import share
from tui.model.rows import Row
from tui.model.subject import short_label
from tui.model.text import count
from tui.screens.base import ConsoleScreen
from tui.widgets.bindings import bindings
from tui.widgets.detail_pane import DetailPane
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.split_pane import SplitPane
from tui.widgets.table import Table

_NO_INSTANCES = ("no instance has joined yet", "start some: spl fleet start --workers 2")
_NO_DISPATCHES = ("nothing is running",)
_NO_FANOUTS = (
    "no fan-out is waiting",
    "make a task:  spl task add GOAL --alias T-1",
    "and split it: spl task fan-out T-1 --subtask goal=…,target=round-robin",
)


class FleetScreen(ConsoleScreen):
    """`1`"""

    name_ = FLEET
    BINDINGS = bindings("fleet")
    fields: ClassVar[tuple[str, ...]] = (
        "alias", "status", "role", "task", "goal", "instance", "health", "namespace", "endpoint", "did",
        "adapter", "version", "thread", "join",
    )  # fmt: skip

    def body(self) -> Sequence[Widget]:
        glyphs = self.console.glyphs
        tables = (
            Table(fleet.INSTANCES, glyphs, id="instances"),
            Table(fleet.DISPATCHES, glyphs, id="dispatches"),
            Table(fleet.FANOUTS, glyphs, id="fanouts"),
        )
        return (Lines(id="rates"), SplitPane(Vertical(*tables, classes="rows"), DetailPane()))

    def fill(self, now: float) -> None:
        world, glyphs = self.world, self.console.glyphs
        at, status = world.moment(now), world.status
        self.query_one("#rates", Lines).show([self._rates()] if status is not None else [])
        rows: list[Sequence[Row] | None] = [None, None, None]
        empty: list[tuple[str, ...]] = [self._first_words(), (), ()]
        if status is not None:
            rows = [
                fleet.instance_rows(status, at, glyphs),
                fleet.dispatch_rows(status, at, glyphs),
                fleet.fanout_rows(status, at, glyphs),
            ]
            empty = [_NO_INSTANCES, _NO_DISPATCHES, _NO_FANOUTS]
        names = ("INSTANCES", "RUNNING", "FAN-OUTS")
        tables = list(self.query(Table))
        for table in tables[1:]:
            table.display = status is not None  # until then the first table says what to do
        if status is not None:
            tables[0].measure(status.instances, lambda: fleet.instance_longest(status, self.console.glyphs))
            tables[1].measure(status.dispatches, lambda: fleet.dispatch_longest(status))
            tables[2].measure(status.fanouts, lambda: fleet.fanout_longest(status))
        for table, some, name, words in zip(tables, rows, names, empty, strict=True):
            self.select(table, some, name, words)
        self._share(tables)

    def about(self, now: float) -> tuple[str, Sequence[facts.Fact]]:
        subject, world, table = self.subject(), self.world, self.focused_table()
        at, name = world.moment(now), short_label(world, subject)
        if subject.did or table is None or table.chosen is None or world.status is None:
            return name, facts.facts_of(world, subject, at, self.console.glyphs)
        if table.id == "dispatches":
            return name, facts.dispatch_facts(world.status, table.chosen, at, self.console.glyphs)
        return name, facts.fanout_facts(world.status, table.chosen, at, self.console.glyphs)

    def _share(self, tables: list[Table]) -> None:
        total = self.body_height() - int(self.query_one("#rates").display)
        heights = share(total, [table.wanted_height for table in tables])
        roomy = total - sum(heights) >= len(tables)
        for table, height in zip(tables, heights, strict=True):
            table.take(height)
            table.set_class(roomy and table is not tables[-1], "roomy")
        self.query_one(SplitPane).leave(total - sum(heights) - len(tables))

    def _first_words(self) -> tuple[str, ...]:
        link = self.world.link.at(self.console.clock())
        key = self.console.keymap.shown(actions.START)
        return first_run.lines(self.session.fleet, link, key)

    def action_begin_fleet(self) -> None:
        """Offer to start a fleet here, when there is none."""
        if self.world.link.at(self.console.clock()).is_live:
            self.notify("this fleet runs already", timeout=4)
        else:
            self.app.push_screen(dialogs.StartDialog())

    def _rates(self) -> Spans:
        """Ingest and queue over the last minutes, with the current value."""
        world, glyphs = self.world, self.console.glyphs
        width = min(40, (self.size.width - 46) // 2)
        rates = world.rates
        rate = f"{rates.ingest[-1]:.1f}/s" if rates.ingest else "–"
        queue = count(rates.queue[-1]) if rates.queue else "–"
        total = f"{count(world.status.records)} records" if world.status else ""
        return (
            Span(" ingest ", "muted"), Span(sparkline(rates.ingest, width, glyphs), "busy"),
            Span(f" {rate:<8}"), Span(" queue ", "muted"),
            Span(sparkline(rates.queue, width, glyphs), "busy"), Span(f" {queue:<6}"),
            Span(f" {total}", "muted"),
        )  # fmt: skip

    @on(Table.Opened)
    def open_row(self, event: Table.Opened) -> None:
        """An instance opens its details, work opens the join it belongs to."""
        if event.table.id == "instances":
            self.app.push_screen(screens.InstanceScreen(event.key))
        else:
            self.app.push_screen(screens.JoinScreen(event.key.partition("/")[0]))
