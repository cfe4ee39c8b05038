"""Screens whose rows can be filtered and sorted, and the operator's choices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.widgets import Input

from tui import dialogs
from tui.model import actions, filters, unread
from tui.model.arrangement import Arrangement, Sort
from tui.model.columns import NONE, Choice
from tui.model.rows import Row, Rows
from tui.screens.marking import Marking
from tui.widgets.filter_bar import FilterBar
from tui.widgets.lines import Lines, Span
from tui.widgets.table import Table
from tui.widgets.toned import clip


class SortFilter(Marking):
    """`name_` is the screen's name in the action table, `fields` what its filters can name, `unsortable` the
    columns without an order.
    """

    name_: ClassVar[str] = ""
    fields: ClassVar[tuple[str, ...]] = ()
    unsortable: ClassVar[frozenset[str]] = frozenset({"timeline"})

    def __init__(self) -> None:
        super().__init__()
        self.filter = filters.Filter()
        self._arrangements: dict[str, Arrangement] = {}
        self._going_on = False

    def filter_of(self, table: str) -> filters.Filter:
        """The filter on this table's rows."""
        return self.filter

    def arranges(self, table: str) -> bool:
        """Whether this table's rows are filtered or sorted."""
        return bool(self.filter_of(table)) or table in self._sorts

    @property
    def _sorts(self) -> dict[str, Sort]:
        """The sort column of each table, for this fleet, kept for the next run."""
        return self.console.preferences.orders(self.session.fleet.name, self.name_)

    @property
    def _choices(self) -> dict[str, Choice]:
        """The columns chosen for each table, kept for the next run."""
        return self.console.preferences.columns(self.name_)

    def _sorted_by(self, table: Table, sort: Sort | None) -> list[str]:
        """A sort order that no head shows, since its column is hidden."""
        if sort is None or sort[0] in table.shown_columns:
            return []
        title = next((one.title for one in table.fitting.columns if one.key == sort[0]), sort[0])
        return [f"sorted by {title} {self.console.glyphs.down if sort[1] else self.console.glyphs.up}"]

    def select(
        self,
        table: Table,
        rows: Sequence[Row] | None,
        name: str,
        empty: Sequence[str],
        *,
        of: int | None = None,
    ) -> None:
        """Show rows in a table, filtered and sorted as chosen; None were never read.

        `of`: how many items the rows stand for, when some stand for several.
        """
        which = table.id or ""
        sort = self._sorts.get(which)
        table.choose(self._choices.get(which, NONE))
        arrangement = self._arrangements.setdefault(which, Arrangement())
        wanted, every = self.filter_of(which), Rows.of(rows or ())
        wanted = wanted if actions.SORT.on(self.name_) else wanted.unranked()  # time has an order of its own
        kept = arrangement.arrange(every, wanted, sort)
        marks = self.tell_marks(table, kept, every, sure=rows is not None and not arrangement.unfinished)
        title = f"{name} {unread.count(None if rows is None else len(rows) if of is None else of)}"
        if self.session.fleet.offline:
            empty = empty[:1]  # a suggested command would affect another fleet than this one
        words = [marks.words] if marks.words else []
        words += self._sorted_by(table, sort)
        if arrangement.unfinished:
            words.append("looking through them")
            self._go_on()
        elif wanted and rows is not None:
            title = f"{name} {len(kept)} of {len(rows)}"
            words.append(wanted.told)
            if rows and not kept:
                empty = (filters.nothing(wanted),)
        table.show(
            kept,
            title=" · ".join([title, *words]),
            empty=empty,
            sort=sort,
            dimmed=not self.world.link.at(self.console.clock()).is_live,
            marks=marks.signs,
            found=wanted,
        )

    def is_sure(self, table: Table) -> bool:
        arrangement = self._arrangements.get(table.id or "")
        return arrangement is None or not arrangement.unfinished

    def _go_on(self) -> None:
        """Show again after everything queued by now had its turn: keys come before the rest of many rows."""
        if not self._going_on:
            self._going_on = True
            asyncio.get_running_loop().call_soon(self.call_later, self._gone_on)

    def _gone_on(self) -> None:
        self._going_on = False
        if self in self.app.screen_stack:  # otherwise it continues when it is in front again
            self.show()

    # keys

    def action_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.display = True
        self.set_focus(bar)  # at once: the widget's own way there comes after the next key
        self.call_after_refresh(self.show)

    def set_filter(self, words: str) -> None:
        """Filter by this text, as if it had been typed."""
        bar = self.query_one(FilterBar)
        bar.display, bar.value = bool(words), words
        self.call_after_refresh(self.show)

    def action_trouble(self) -> None:
        """Show only rows in trouble; then everything again."""
        self.set_filter(filters.turned(self.filter.text, filters.TROUBLE))

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self.filter = filters.parse(event.value, self.fields)
        self._say()
        self.show()

    def _say(self) -> None:
        """Below the filter line: what is wrong with it."""
        glyphs, bar = self.console.glyphs, self.query_one(FilterBar)
        told = f" {glyphs.sign('failed')} {glyphs.text(self.filter.trouble)}" if self.filter.trouble else ""
        clipped = clip(told, self.size.width, glyphs.ellipsis)
        self.query_one("#filter-says", Lines).show([(Span(clipped, "warn"),)] if told and bar.display else [])

    @on(Input.Submitted, "#filter")
    def close_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.display = bool(self.filter)
        self._say()
        if (table := self.focused_table()) is not None:
            table.focus()
        self.call_after_refresh(self.show)

    def action_back(self) -> None:
        bar = self.query_one(FilterBar)
        if bar.display:
            bar.value = ""
            self.filter = filters.Filter()
            self.close_filter()
        elif self.drop_marks():
            self.show()
        elif len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def action_sort(self) -> None:
        """Sort the table in focus by its next column; after the last one, in the original order."""
        if (table := self.focused_table()) is None or table.id is None:
            return
        keys = [one for one in table.shown_columns if one not in self.unsortable]
        now = self._sorts.get(table.id)
        place = keys.index(now[0]) + 1 if now and now[0] in keys else 0
        self._order(table.id, (keys[place], False) if not now or place < len(keys) else None)

    def action_reverse(self) -> None:
        if (table := self.focused_table()) is not None and (now := self._sorts.get(table.id or "")):
            self._order(table.id or "", (now[0], not now[1]))

    async def action_columns(self) -> None:
        """Choose the columns of the table in focus."""
        if (table := self.focused_table()) is None or (which := table.id) is None:
            return

        def choose(choice: Choice) -> None:
            self._choices[which] = choice
            table.choose(choice)
            self.console.preferences.save()
            self.show()

        await self.app.push_screen(
            dialogs.ColumnsDialog(
                table,
                lambda: self._sorts.get(which),
                choose,
                lambda sort: self._order(which, sort),
                self.unsortable,
            )
        )

    def on_table_headed(self, event: Table.Headed) -> None:
        """Sort by that column; a second click reverses it, a third restores the original order."""
        which, column = event.table.id or "", event.column
        if actions.SORT.on(self.name_) and column not in self.unsortable:
            turns: dict[Sort | None, Sort | None] = {(column, False): (column, True), (column, True): None}
            self._order(which, turns.get(self._sorts.get(which), (column, False)))

    def _order(self, table: str, sort: Sort | None) -> None:
        """Show a table in this order from now on, and remember it."""
        self._sorts.pop(table, None)
        if sort is not None:
            self._sorts[table] = sort
        self.console.preferences.save()
        self.show()
