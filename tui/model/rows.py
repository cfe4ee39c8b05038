"""Rows and columns of a table, and which columns fit a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, overload

from rich.cells import cell_len

from tui.model.glyphs import Glyphs, Tone, tone_of, word

GAP: Final = 2
LEAST: Final = 6
"""A column that can grow never gets narrower than this."""
MEASURED: Final = 200
"""How many rows are measured to find a column's preferred width."""

NOTICED: Final = frozenset({"priority", "attempt", "depends", "effect", "load"})
"""Columns whose tone draws attention without meaning that something is wrong."""
TROUBLE: Final = {"is": "trouble"}
"""What filters see in a row in which something is wrong."""


@dataclass(frozen=True)
class Cell:
    """One cell's text and tone; `order` is its sort key, the text when None. Cells that look
    equal are equal."""

    text: str
    tone: Tone = "plain"
    order: float | str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Row:
    """A row with an identity: `key` stays the same while everything else may change.

    `fields` is what filters search: the cells' texts, and other facts the row knows.
    """

    key: str
    cells: Mapping[str, Cell]
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_troubled(self) -> bool:
        """Whether something is wrong, as a cell's tone says."""
        return any(cell.tone in ("warn", "bad") and key not in NOTICED for key, cell in self.cells.items())

    @property
    def sought(self) -> Mapping[str, str]:
        """What filters search."""
        return {**self.fields, **TROUBLE} if self.is_troubled else self.fields


class Rows(Sequence[Row]):
    """Rows whose identities are all known; cells are made on demand.

    `keys` are the identities, `make` returns the row at a position. `source` is what the rows are made from:
    while it is the same object only time has passed, and filter and order need not be recomputed.
    """

    def __init__(self, source: object, keys: Sequence[str], make: Callable[[int], Row]) -> None:
        self.source, self.keys = source, tuple(keys)
        self._make = make
        self._made: dict[int, Row] = {}

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Rows:
        """From rows that already exist."""
        if isinstance(rows, Rows):
            return rows
        return cls(rows, [row.key for row in rows], rows.__getitem__)

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = place + len(self) if place < 0 else place
        if not 0 <= place < len(self):
            raise IndexError(place)
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def passing(self) -> Iterator[Row]:
        """All rows, one at a time; rows made for this are not kept."""
        for place in range(len(self.keys)):
            yield self._made.get(place) or self._make(place)

    def picked(self, places: Sequence[int]) -> Rows:
        """Some of these rows, in the order given."""
        return Rows(self.source, [self.keys[one] for one in places], lambda one: self[places[one]])


@dataclass(frozen=True)
class Column:
    """A column: at least `width` cells, plus `grow` (a share of the remaining room) up to `most`.

    `drop` is the order in which columns are hidden: the highest goes first, 0 never does. A `whole` column is
    never cut: it is as wide as its longest text. For a column with a wish, others that are dropped before
    `over` give way until it has `wish` cells, and it grows first.
    """

    key: str
    title: str
    width: int
    grow: int = 0
    most: int = 200
    drop: int = 0
    right: bool = False
    whole: bool = False
    wish: int = 0
    over: int = 0


def state_cell(state: str, glyphs: Glyphs) -> Cell:
    """A sign and a word: a state is never conveyed by colour alone."""
    return Cell(f"{glyphs.sign(state)} {word(state)}", tone_of(state), word(state))


def drop_order(columns: Sequence[Column]) -> list[str]:
    """The columns that can be hidden on a narrow terminal, first to go first."""
    return [one.key for one in sorted(columns, key=lambda one: -one.drop) if one.drop]


def widest(texts: Iterable[str]) -> int:
    """The width of the longest of these texts, in cells."""
    return max(map(cell_len, texts), default=0)


_SILENT: Final = frozenset({"", "–", "-", "0", "$0.00", "unknown"})
"""Cells that say nothing, when all of their column are alike."""


def silent(rows: Rows, columns: Sequence[Column]) -> frozenset[str]:
    """The columns that say nothing in any of these rows, and may be hidden."""
    some = [row.cells for row in rows[:MEASURED]]
    if not some:
        return frozenset()
    texts = {
        one.key: {cells[one.key].text for cells in some if one.key in cells} for one in columns if one.drop
    }
    return frozenset(key for key, found in texts.items() if found <= _SILENT)


def fit(
    columns: Sequence[Column],
    width: int,
    longest: Mapping[str, int] | None = None,
    idle: frozenset[str] = frozenset(),
) -> list[tuple[Column, int]]:
    """The columns that fit and their widths: the widest set in drop order.

    `longest`: the width of a column's longest content; it gets no more, leaving room for others. `idle`
    columns say nothing: they go first, also where another one is only cut.
    """
    kept = [_sized(one, (longest or {}).get(one.key)) for one in columns]
    for gone in sorted(kept, key=lambda one: -one.drop):
        cut = (
            sum(min(one.most, longest[one.key]) - one.width for one in kept if one.key in longest)
            if longest
            else 0
        )
        if gone.key in idle and gone.drop and _needed(kept) + cut > width:
            kept.remove(gone)
    for gone in sorted(columns, key=lambda one: -one.drop):
        wished = sum(_wish(one) for one in kept if one.over < gone.drop)
        if not gone.drop or _needed(kept) + wished <= width:
            break
        kept = [one for one in kept if one.key != gone.key]
    kept = _squeezed(kept, width)
    spare = max(0, width - _needed(kept))
    widths = {one.key: one.width for one in kept}
    for one in kept:
        more = min(spare, _wish(one))
        widths[one.key] += more
        spare -= more
    growing = [one for one in kept if one.grow]
    while spare and growing:
        total, before = sum(one.grow for one in growing), spare
        for one in growing:
            share = min(max(1, before * one.grow // total), spare, one.most - widths[one.key])
            widths[one.key] += share
            spare -= share
        growing = [one for one in growing if widths[one.key] < one.most]
    return [(one, widths[one.key]) for one in kept]


def _squeezed(columns: Sequence[Column], width: int) -> list[Column]:
    """When these do not all fit, narrow those that can grow, the widest first: a cut number reads as another
    number.
    """
    kept = list(columns)
    while _needed(kept) > width:
        wide = [one for one in kept if one.grow and one.width > LEAST]
        if not wide:
            break
        most = max(wide, key=lambda one: one.width)
        kept[kept.index(most)] = replace(most, width=most.width - 1)
    return kept


def _sized(column: Column, longest: int | None) -> Column:
    if longest is None:
        return column
    if column.whole:
        return replace(column, width=max(column.width, longest))
    wanted = max(longest, cell_len(column.title) + 1)  # the sort arrow is next to the title
    return replace(column, width=min(column.width, wanted), most=min(column.most, wanted))


def _wish(column: Column) -> int:
    """How many cells it wants before others grow."""
    return max(0, min(column.wish, column.most) - column.width)


def longest(rows: Rows, columns: Sequence[Column]) -> dict[str, int]:
    """How much room the columns that can grow could use."""
    some = [row.cells for row in rows[:MEASURED]]
    grows = [one.key for one in columns if one.grow]
    return {key: widest(cells[key].text for cells in some if key in cells) for key in grows}


def _needed(columns: Sequence[Column]) -> int:
    return sum(one.width for one in columns) + GAP * max(0, len(columns) - 1)
