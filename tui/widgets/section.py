"""A table with its heading above it, or words in its place when it is empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from tui.model import empty
from tui.model.cells import Line, TableSpec
from tui.model.frame import rule_line
from tui.model.glyphs import Glyphs
from tui.widgets.lines import Lines
from tui.widgets.table import HEADING, Table

Item = TypeVar("Item")


class Section(Vertical, Generic[Item]):
    """`show` gives it items and, for when there are none, the words to say instead."""

    def __init__(self, title: str, spec: TableSpec[Item]) -> None:
        super().__init__(id=f"section-{spec.name}")
        self.heading = Lines(classes="rule")
        self.table: Table[Item] = Table(spec)
        self.words = Lines(classes="words")
        self.heading_title = title
        self._facts: tuple[str, ...] = ()
        self._when_empty: tuple[Line, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.table
        yield self.words

    def dress(self, glyphs: Glyphs) -> None:
        """Draw with these glyphs."""
        for widget in (self.heading, self.table, self.words):
            widget.glyphs = glyphs

    def show(
        self, items: Iterable[Item], now: float, facts: Sequence[str], when_empty: tuple[Line, ...] = ()
    ) -> None:
        self._facts, self._when_empty = tuple(facts), when_empty
        self.table.show(items, now)
        self.draw_heading()

    def set_dimmed(self, dimmed: bool) -> None:
        self.table.set_dimmed(dimmed)

    @property
    def wanted_rows(self) -> int:
        """The height that shows everything."""
        if self.table.count:
            return 1 + HEADING + self.table.count
        return 1 + max(1, len(self._words()))

    def _words(self) -> tuple[Line, ...]:
        if self.table.total and self.table.filtered:
            return empty.nothing_matches(self.table.filtered.source, self.table.total)
        return self._when_empty

    def draw_heading(self) -> None:
        """Title, facts, and what of the table is not seen: filter, order, place."""
        table, glyphs = self.table, self.heading.glyphs
        table.display = bool(table.count)
        self.words.show(() if table.count else self._words())
        facts = list(self._facts)
        if table.filtered and table.total:
            facts.insert(0, f"filter {table.filtered.source}: {table.count:,} of {table.total:,}")
        if table.sorted_by:
            facts.append(f"by {table.sorted_by.lower()}")
        seen = table.seen
        if table.count and len(seen) < table.count and len(seen) > 0:
            facts.insert(0, f"rows {seen.start + 1:,}-{seen.stop:,} of {table.count:,}")
        width = self.size.width or self.app.size.width
        self.heading.show((rule_line(self.heading_title, facts, width, table.has_focus, glyphs),))

    @on(Table.Viewed)
    def _viewed(self) -> None:
        self.draw_heading()

    def on_descendant_focus(self) -> None:
        self.draw_heading()

    def on_descendant_blur(self) -> None:
        self.draw_heading()

    def on_resize(self) -> None:
        self.draw_heading()
