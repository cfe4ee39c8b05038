"""A table that draws its own lines: it reads only visible rows and repaints only what changed.

The selection follows a row's identity: rows may move, come, and go around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.model.columns import Choice
from tui.model.filters import Filter
from tui.model.fitting import Fitting
from tui.model.glyphs import Glyphs, Tone
from tui.model.rows import GAP, Cell, Column, Row, Rows
from tui.widgets.bindings import bindings
from tui.widgets.matching import Matching
from tui.widgets.toned import place

GUTTER: Final = 2
_MARKED: Final = 1  # cells more for the sign of marked rows, while there are any
HEAD: Final = 2  # the title line and the column headers
_EMPTY: Final = Cell("")
_ALL: Final = Filter()


class Table(Matching, ScrollView, can_focus=True):
    """Rows under a title. It does not know what they mean."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--title", "table--title-focus", "table--head",
        "table--cursor", "table--cursor-away", "table--dimmed",
    }  # fmt: skip
    BINDINGS = bindings("table")

    class Chosen(Message):
        """The selection moved to another row."""

        def __init__(self, table: Table, key: str | None) -> None:
            super().__init__()
            self.table, self.key = table, key

    class Opened(Message):
        """Enter or a second click on the selected row."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table, self.key = table, key

    class Headed(Message):
        """A click on a column header."""

        def __init__(self, table: Table, column: str) -> None:
            super().__init__()
            self.table, self.column = table, column

    def __init__(self, columns: Sequence[Column], glyphs: Glyphs, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.fitting, self._glyphs = Fitting(columns), glyphs
        self._rows = Rows.of(())
        self._drawn: list[tuple[Row, tuple[bool, str]]] = []
        self._places: dict[str, int] = {}
        self._title = ""
        self._heads: dict[str, str] = {}
        self._empty: tuple[str, ...] = ()
        self._sorted: dict[str, str] = {}
        self._marks: Mapping[str, str] = {}
        self._found = _ALL
        self.chosen: str | None = None
        self.dimmed = False

    # what it shows

    def show(
        self,
        rows: Sequence[Row],
        *,
        title: str,
        empty: Sequence[str] = (),
        sort: tuple[str, bool] | None = None,
        dimmed: bool = False,
        marks: Mapping[str, str] = MappingProxyType({}),
        found: Filter = _ALL,
    ) -> None:
        """Show these rows. `empty` is shown when there are none; `sort` is column and direction. `marks` are
        the signs of marked rows. What `found` looks for stands out.
        """
        before, self._rows = self._rows, Rows.of(rows)
        sorted_ = {sort[0]: self._glyphs.down if sort[1] else self._glyphs.up} if sort else {}
        whole = (tuple(empty), dimmed, bool(before)) != (self._empty, self.dimmed, bool(self._rows))
        whole, self._marks = whole or bool(marks) != bool(self._marks), marks
        whole, self._found = whole or found != self._found, found
        if title != self._title or len(before) != len(self._rows):
            self._repaint_line(0)
        if sorted_ != self._sorted:
            self._repaint_line(1)
        self._title, self._empty, self._sorted, self.dimmed = title, tuple(empty), sorted_, dimmed
        if before.source is not self._rows.source:
            whole = self.fitting.look_through(self._rows) or whole
        if before.keys != self._rows.keys:
            self._arrange()
        if whole:
            self._repaint()
        else:
            self._compare()

    def choose(self, choice: Choice) -> None:
        """Show these columns from now on."""
        if self.fitting.choose(choice):
            self._repaint()

    def measure(self, source: object, longest: Callable[[], Mapping[str, int]]) -> None:
        """Fit the columns to their content; recomputed only when `source` is another object."""
        if self.fitting.measure(source, longest):
            self._repaint()

    def _arrange(self) -> None:
        """Rows moved, came, or went: keep the selection on its row, or near where that was."""
        was = self._places.get(self.chosen or "")
        offset = None if was is None else was - round(self.scroll_y)
        self._places = {key: place_ for place_, key in enumerate(self._rows.keys)}
        self.virtual_size = Size(self.size.width, len(self._rows) + HEAD)
        if self.chosen not in self._places:
            near = min(was or 0, len(self._rows) - 1)
            self._choose(self._rows.keys[near] if self._rows else None)
        elif offset is not None and self._places[self.chosen] != was:
            self.scroll_to(y=max(0, self._places[self.chosen] - offset), animate=False, immediate=True)

    # comparing

    def _seen(self) -> list[tuple[Row, tuple[bool, str]]]:
        """The visible rows, which of them is selected, and the signs of marked ones."""
        top, shown = round(self.scroll_y), max(0, self.size.height - HEAD)
        rows = self._rows[top : top + shown]
        return [(row, (row.key == self.chosen, self._marks.get(row.key, ""))) for row in rows]

    @property
    def indent(self) -> int:
        """Cells before the first column."""
        return GUTTER + (_MARKED if self._marks else 0)

    def _repaint(self) -> None:
        self._drawn = self._seen()
        self.refresh()

    def _repaint_line(self, y: int) -> None:
        self.refresh(Region(0, y, self.size.width, 1))

    def _compare(self) -> None:
        """Repaint what differs from the last drawing, line by line."""
        before, self._drawn = self._drawn, self._seen()
        for y in range(max(len(before), len(self._drawn))):
            if y >= len(before) or y >= len(self._drawn) or before[y][1] != self._drawn[y][1]:
                self._repaint_line(y + HEAD)
            elif before[y][0] is not self._drawn[y][0]:
                self._repaint_cells(y + HEAD, before[y][0], self._drawn[y][0])

    def _repaint_cells(self, y: int, old: Row, new: Row) -> None:
        x, spots = self.indent, []
        for column, width in self._fit:
            if old.cells.get(column.key) != new.cells.get(column.key):
                spots += [x, x + width]
            x += width + GAP
        if spots:  # one region per line: Textual writes a line again for each of its regions
            self.refresh(Region(spots[0], y, spots[-1] - spots[0], 1))

    @property
    def wanted_height(self) -> int:
        """How many lines it would like to have."""
        return len(self._rows) + HEAD if self._rows else len(self._said()) + 1

    def _said(self) -> list[tuple[str, Tone]]:
        """The text shown when there are no rows: the state, then what to do. Long text wraps."""
        room = self.size.width - 2 * GUTTER if self.size.width else len(max(self._empty, key=len, default=""))
        return [
            (part, "muted" if place_ else "plain")
            for place_, words in enumerate(self._empty)
            for part in ([words] if len(words) <= room + GUTTER else wrap(words, room))
        ]

    def take(self, height: int | None) -> None:
        """Set the height in lines; None leaves it to the style sheet."""
        now = self.styles.inline.height
        if (None if now is None else now.value) != height:
            self.styles.height = height

    @property
    def row(self) -> Row | None:
        """The selected row."""
        return self._rows[self._places[self.chosen]] if self.chosen in self._places else None

    @property
    def last(self) -> str | None:
        """The identity of the last row."""
        return self._rows.keys[-1] if self._rows else None

    @property
    def keys(self) -> Sequence[str]:
        """The identities of the rows, in the order shown."""
        return self._rows.keys

    def stands_for_several(self, key: str) -> bool:
        """Whether a row stands for others that are not shown one by one."""
        return False

    def members(self, key: str) -> Sequence[str]:
        """The identities of what a row stands for: its own, unless it stands for several."""
        return (key,)

    def text(self) -> str:
        """The text shown, without styles."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))

    def column_width(self, key: str) -> int:
        """The current width of a column; 0 when it is hidden."""
        return next((width for column, width in self._fit if column.key == key), 0)

    @property
    def shown_columns(self) -> list[str]:
        return [column.key for column, _ in self._fit]

    # drawing

    @property
    def _fit(self) -> list[tuple[Column, int]]:
        """The columns and their widths; a scroll bar covers the right edge, and appears without a resize.

        A column next to it stays empty: a number that touches it reads as another number.
        """
        room = self.size.width - self.indent - self.scrollbar_size_vertical - self.show_vertical_scrollbar
        return self.fitting.widths(room)

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + HEAD)
        self._reveal()
        self._repaint()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._repaint()

    def watch_show_vertical_scrollbar(self) -> None:
        """The scroll bar changes which columns fit."""
        self._repaint()

    def on_unmount(self) -> None:
        """A closed screen waits for the collector, which need not visit everything its rows are made from."""
        self._rows, self._drawn = Rows.of(()), []

    def head(self, column: str, words: str) -> None:
        """Text above a column instead of its title."""
        if self._heads.get(column) != words:
            self._heads[column] = words
            self._repaint_line(1)

    def on_focus(self) -> None:
        """The title and the selected row show where the focus is."""
        self._repaint_line(0)
        for y, (_, (chosen, _)) in enumerate(self._drawn):
            if chosen:
                self._repaint_line(y + HEAD)

    on_blur = on_focus

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._title_line()
        if not self._rows:
            said = self._said()
            words, tone = said[y - 1] if y - 1 < len(said) else ("", "muted")
            return self.strip([("  " + words, self.tone(tone))], self.size.width)
        if y == 1:
            return self._head_line()
        index = y - HEAD + round(self.scroll_y)
        if index >= len(self._rows):
            return self.strip([], self.size.width)
        return self._row_line(self._rows[index])

    def _title_line(self) -> Strip:
        name = "table--title-focus" if self.has_focus else "table--title"
        style = self.get_component_rich_style(name, partial=True)
        rule = style + Style(bold=False) if self.has_focus else self.tone("muted")
        shown = max(0, self.size.height - HEAD)
        where = ""
        if len(self._rows) > shown > 0:
            top = round(self.scroll_y)
            where = f" {top + 1}-{min(top + shown, len(self._rows))} of {len(self._rows)} "
        mark = self._glyphs.cursor if self.has_focus else " "
        head = f"{mark} {self._title} "
        room = self.size.width - len(head) - len(where)
        return self.strip(
            [(head, style), (self._glyphs.rule * room, rule), (where, self.tone("muted"))], self.size.width
        )

    def _head_line(self) -> Strip:
        style = self.get_component_rich_style("table--head", partial=True)
        words = [" " * self.indent]
        for column, width in self._fit:
            title = self._heads.get(column.key, column.title) + self._sorted.get(column.key, "")
            room = width + int(column.key in self._sorted and cell_len(title) == width + 1)  # of the gap
            words.append(place(title, room, right=column.right) + " " * (width + GAP - room))
        return self.strip([("".join(words), style)], self.size.width)

    def _row_line(self, row: Row) -> Strip:
        chosen = row.key == self.chosen
        over = Style()
        if self.dimmed:
            over += self.get_component_rich_style("table--dimmed", partial=True)
        if chosen:
            name = "table--cursor" if self.has_focus else "table--cursor-away"
            over += self.get_component_rich_style(name, partial=True)
        cursor = self._glyphs.cursor if chosen else ""
        parts = [(place(cursor, 1 if self._marks else GUTTER), over)]
        if self._marks:
            parts.append((place(self._marks.get(row.key, ""), self.indent - 1), self.tone("warn") + over))
        for column, width in self._fit:
            cell = row.cells.get(column.key, _EMPTY)
            text = place(cell.text, width, right=column.right, ellipsis=self._glyphs.ellipsis)
            parts += self.with_matches(self._found, column.key, text, self.tone(cell.tone) + over)
            parts.append((" " * GAP, over))
        room = self.size.width - sum(width + GAP for _, width in self._fit) - self.indent
        parts.append((" " * max(0, room), over))
        return self.strip(parts, self.size.width)

    # movement

    def select(self, key: str) -> None:
        """Select a row by its identity; no effect when it does not exist."""
        if key in self._places:
            self._choose(key)
            self._reveal()

    def _choose(self, key: str | None) -> None:
        if key == self.chosen:
            return
        self.chosen = key
        self._compare()
        self.post_message(self.Chosen(self, key))

    def _reveal(self) -> None:
        index, shown = self._places.get(self.chosen or ""), max(1, self.size.height - HEAD)
        if index is None:
            return
        top = round(self.scroll_y)
        if index < top or index >= top + shown:
            y = index if index < top else index - shown + 1
            self.scroll_to(y=y, animate=False, immediate=True)

    def _go(self, index: int) -> None:
        if self._rows:
            self.select(self._rows.keys[max(0, min(index, len(self._rows) - 1))])

    def action_move(self, by: int) -> None:
        self._go(self._places.get(self.chosen or "", 0) + by)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(1, self.size.height - HEAD - 1))

    def action_half(self, by: int) -> None:
        self.action_move(by * max(1, (self.size.height - HEAD) // 2))

    def action_jump(self, to: int) -> None:
        self._go(to if to >= 0 else len(self._rows) - 1)

    def action_open(self) -> None:
        if self.chosen in self._places:
            self.post_message(self.Opened(self, self.chosen))

    def on_click(self, event: events.Click) -> None:
        if event.y == HEAD - 1 and self._rows and (column := self._column_at(event.x)):
            self.post_message(self.Headed(self, column))
        if (key := self.key_at(event.y)) is None:
            return
        self.select(key)
        if event.chain == 2:
            self.action_open()

    def _column_at(self, x: int) -> str:
        """The column at this cell of a line; empty between two columns."""
        left = self.indent
        for column, width in self._fit:
            if left <= x < left + width:
                return column.key
            left += width + GAP
        return ""

    def key_at(self, y: int) -> str | None:
        """The identity of the row on this line of the widget; None when there is none."""
        index = y - HEAD + round(self.scroll_y)
        return self._rows.keys[index] if y >= HEAD and 0 <= index < len(self._rows) else None
