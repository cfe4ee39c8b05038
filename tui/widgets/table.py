"""The table: draws only the rows that are seen, and of those only the cells that changed.

Selection follows identity: whatever comes, goes or is sorted, the chosen row stays the chosen one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tui.actions import ACTIONS
from tui.model.cells import EMPTY, GAP, Cell, Column, Placed, Scene, TableSpec, cut, fit
from tui.model.filtering import Filter
from tui.widgets.painted import Painted

Item = TypeVar("Item")
GUTTER = 2  # the cursor's mark and a space
HEADING = 1
_MOVES = ("down", "up", "page_down", "page_up", "first", "last")


class Table(Painted, Generic[Item], can_focus=True):
    """Rows of one kind. Give it items with `show`, the time with `tick`; it says what is chosen."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--cursor", "table--heading"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), action.run, action.description, show=False)
        for action in ACTIONS
        if action.id in _MOVES
    ]

    @dataclass
    class Chosen(Message):
        """The cursor came to another row, or to none."""

        table: Table[Any]
        key: str

    @dataclass
    class Entered(Message):
        """The row was double-clicked."""

        table: Table[Any]
        key: str

    @dataclass
    class Viewed(Message):
        """Other rows are seen, or there are more or fewer of them."""

        table: Table[Any]

    def __init__(self, spec: TableSpec[Item]) -> None:
        super().__init__(id=spec.name)
        self.spec = spec
        self.headings: dict[str, str] = {}
        self._all: tuple[Item, ...] = ()
        self._rows: list[Item] = []
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._drawn: dict[str, Mapping[str, Cell]] = {}
        self._placed: tuple[Placed, ...] = ()
        self._now = 0.0
        self._filter = Filter()
        self._sorted_by: Column[Item] | None = None
        self.chosen = ""

    # What a screen tells it

    def show(self, items: Iterable[Item], now: float) -> None:
        """Replace the items. `now` is the daemon's clock in unix seconds."""
        self._all, self._now = tuple(items), now
        self._arrange()

    def tick(self, now: float) -> None:
        """Time passed: draw what shows it, where it is seen."""
        self._now = now
        self._redraw()

    def set_filter(self, wanted: Filter) -> None:
        if wanted != self._filter:
            self._filter = wanted
            self._arrange()

    def set_heading(self, column: str, text: str) -> None:
        """Write something else than its title above a column."""
        if self.headings.get(column) != text:
            self.headings[column] = text
            self.refresh(Region(0, 0, self.size.width, 1))

    def sort_next(self) -> None:
        """Sort by the next column that can be sorted by; after the last, not at all."""
        sorts = [None, *self.spec.sorts]
        self._sorted_by = sorts[(sorts.index(self._sorted_by) + 1) % len(sorts)]
        self._arrange()
        self.refresh()

    def choose(self, key: str) -> None:
        """Move the cursor to a row, if there is such a row."""
        if key in self._places:
            self._move_to(self._places[key])

    # What a screen asks it

    @property
    def sorted_by(self) -> str:
        return self._sorted_by.title if self._sorted_by else ""

    @property
    def filtered(self) -> Filter:
        return self._filter

    @property
    def count(self) -> int:
        """Rows that pass the filter."""
        return len(self._rows)

    @property
    def total(self) -> int:
        return len(self._all)

    @property
    def current(self) -> Item | None:
        """The chosen item."""
        place = self._places.get(self.chosen)
        return None if place is None else self._rows[place]

    @property
    def seen(self) -> range:
        """The rows on the screen."""
        top = self.scroll_offset.y
        return range(top, min(len(self._rows), top + max(0, self.size.height - HEADING)))

    def row_text(self, key: str) -> str:
        """A row as it is drawn, without colours; of every column that has room."""
        cells = self._draw(self._rows[self._places[key]])
        return " ".join(part for one in self._placed if (part := self._cell_text(cells, one).strip()))

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The columns that have room."""
        return self._placed

    def column_titles(self) -> list[str]:
        return [placed.column.title for placed in self._placed]

    # Arranging

    def _arrange(self) -> None:
        place = self._places.get(self.chosen, 0)
        rows = list(self._all)
        if self._filter:
            scene = self._scene()
            rows = [item for item in rows if self._filter.matches(self.spec.draw(item, scene))]
        if self._sorted_by is not None and self._sorted_by.sort is not None:
            rows.sort(key=self._sorted_by.sort)
        keys = [self.spec.key(item) for item in rows]
        moved = keys != self._keys
        self._rows, self._keys = rows, keys
        self._places = {key: index for index, key in enumerate(keys)}
        if len(rows) + HEADING != self.virtual_size.height:
            self.virtual_size = Size(0, len(rows) + HEADING)
            self.refresh(layout=True)
        if self.chosen not in self._places:
            self._choose_place(min(place, len(rows) - 1))
        if moved:
            self._keep_in_view()
            self.post_message(self.Viewed(self))
        self._redraw()

    def _keep_in_view(self) -> None:
        place = self._places.get(self.chosen)
        height = self.size.height - HEADING
        if place is None or height <= 0:
            return
        top = self.scroll_offset.y
        if place < top:
            self.scroll_to(y=place, animate=False, force=True)
        elif place >= top + height:
            self.scroll_to(y=place - height + 1, animate=False, force=True)

    def _choose_place(self, place: int) -> None:
        key = self._keys[place] if 0 <= place < len(self._keys) else ""
        if key != self.chosen:
            self.chosen = key
            self.post_message(self.Chosen(self, key))

    def _move_to(self, place: int) -> None:
        if not self._keys:
            return
        before = self._places.get(self.chosen)
        place = max(0, min(place, len(self._keys) - 1))
        self._choose_place(place)
        self._keep_in_view()
        for row in (before, place):
            if row is not None:
                self._refresh_row(row)

    # Drawing

    def _scene(self) -> Scene:
        return Scene(self._now, self.glyphs, {one.column.key: one.width for one in self._placed})

    def _draw(self, item: Item) -> Mapping[str, Cell]:
        return self.spec.draw(item, self._scene())

    def _redraw(self) -> None:
        """Compare what is seen with what was drawn last, and refresh the cells that differ."""
        scene, drawn = self._scene(), {}
        keys_before = list(self._drawn)
        seen = self.seen
        for y, row in enumerate(seen):
            key = self._keys[row]
            cells = self.spec.draw(self._rows[row], scene)
            drawn[key] = cells
            before = self._drawn.get(key) if y < len(keys_before) and keys_before[y] == key else None
            if before is None:
                self._refresh_row(row)
                continue
            for one in self._placed:
                if before.get(one.column.key, EMPTY) != cells.get(one.column.key, EMPTY):
                    self.refresh(Region(GUTTER + one.x, HEADING + y, one.width, 1))
        if len(keys_before) > len(seen):
            gone = len(keys_before) - len(seen)
            self.refresh(Region(0, HEADING + len(seen), self.size.width, gone))
        self._drawn = drawn

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, HEADING + row - self.scroll_offset.y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEADING:
            return self._heading(width)
        row = self.scroll_offset.y + y - HEADING
        if row >= len(self._rows):
            return self.paint((), width)
        key = self._keys[row]
        cells = self._drawn.get(key) or self._draw(self._rows[row])
        chosen = key == self.chosen
        mark = self.glyphs.cursor if chosen else " "
        segments = [Segment(f"{mark} ", self.tone("head"))]
        for one in self._placed:
            text = self._cell_text(cells, one)
            segments.append(Segment(text, self.tone(cells.get(one.column.key, EMPTY).tone)))
            segments.append(Segment(" " * GAP, Style.null()))
        over = (
            self.get_component_rich_style("table--cursor", partial=True)
            if chosen and self.has_focus
            else None
        )
        return self._on_background(segments, over).adjust_cell_length(width, self._edge_style(over))

    def _edge_style(self, over: Style | None) -> Style:
        return self.rich_style + over if over else self.rich_style

    def _cell_text(self, cells: Mapping[str, Cell], one: Placed) -> str:
        return cut(cells.get(one.column.key, EMPTY).text, one.width, self.glyphs, one.column.right)

    def _heading(self, width: int) -> Strip:
        style = self.get_component_rich_style("table--heading", partial=True)
        segments = [Segment(" " * GUTTER, Style.null())]
        for one in self._placed:
            title = self.headings.get(one.column.key, one.column.title)
            if one.column is self._sorted_by:
                title = f"{title}{self.glyphs.descending}"
            segments.append(Segment(cut(title, one.width, self.glyphs, one.column.right), style))
            segments.append(Segment(" " * GAP, Style.null()))
        return self._on_background(segments, None).adjust_cell_length(width, self.rich_style)

    # What happens to it

    def on_resize(self) -> None:
        self._placed = fit(self.spec.columns, self.size.width - GUTTER)
        self._drawn = {}
        self.refresh()
        self._keep_in_view()
        self._redraw()
        self.post_message(self.Viewed(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._drawn = {}
            self._redraw()
            self.post_message(self.Viewed(self))

    def on_focus(self) -> None:
        self._refresh_chosen()

    def on_blur(self) -> None:
        self._refresh_chosen()

    def _refresh_chosen(self) -> None:
        if (place := self._places.get(self.chosen)) is not None:
            self._refresh_row(place)

    def on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y - HEADING
        if event.y >= HEADING and row < len(self._rows):
            self._move_to(row)
            if event.chain == 2:
                self.post_message(self.Entered(self, self.chosen))

    def action_move(self, rows: int) -> None:
        self._move_to(self._places.get(self.chosen, 0) + rows)

    def action_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - HEADING))

    def action_edge(self, direction: int) -> None:
        self._move_to(0 if direction < 0 else len(self._keys) - 1)
