"""Cells, columns and rows: a table as data, and how its columns share a width.

Widths are terminal cells, so that wide characters count as two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size

from tui.model.glyphs import Glyphs

Tone = Literal["plain", "quiet", "good", "warn", "bad", "busy", "head"]
"""What a text means; the theme gives it its colour. A tone never stands alone: the words say it too."""

GAP: Final = 2
LUXURY: Final = 4
Item = TypeVar("Item")


class Cell(NamedTuple):
    """A piece of text with its meaning."""

    text: str
    tone: Tone = "plain"


Line = tuple[Cell, ...]
EMPTY: Final = Cell("")


class Scene(NamedTuple):
    """What drawing needs beside the item.

    `now` is the daemon's clock in unix seconds; `widths` has the cells of each column that is shown.
    """

    now: float
    glyphs: Glyphs
    widths: Mapping[str, int] = {}


@dataclass(frozen=True)
class Column(Generic[Item]):
    """One column. `drop` says when a narrow terminal loses it: the highest goes first, 0 never goes.

    `flex` columns share what width is left. Columns with a `drop` above LUXURY come only once the others have
    their `roomy` width. `sort` gives the value that `s` orders by.
    """

    key: str
    title: str
    width: int
    drop: int = 0
    flex: int = 0
    roomy: int = 0
    right: bool = False
    sort: Callable[[Item], Any] | None = None


@dataclass(frozen=True)
class TableSpec(Generic[Item]):
    """A kind of table: its columns, and how an item becomes a key (its identity) and cells."""

    name: str
    columns: tuple[Column[Item], ...]
    key: Callable[[Item], str]
    draw: Callable[[Item, Scene], Mapping[str, Cell]]

    @property
    def sorts(self) -> tuple[Column[Item], ...]:
        return tuple(column for column in self.columns if column.sort is not None)

    def drop_order(self) -> list[str]:
        """Column titles in the order in which narrow terminals lose them."""
        dropped = sorted((one for one in self.columns if one.drop), key=lambda one: -one.drop)
        return [column.title for column in dropped]


class Placed(NamedTuple):
    """A column that is shown: where it begins and how wide it is."""

    column: Column[Any]
    x: int
    width: int


def fit(columns: Sequence[Column[Any]], width: int) -> tuple[Placed, ...]:
    """The columns that fit into `width` cells, with their places."""
    shown = list(columns)
    while len(shown) > 1:
        loser = max(shown, key=lambda one: one.drop)
        if not loser.drop or _needed(shown, roomy=loser.drop > LUXURY) <= width:
            break
        shown.remove(loser)
    spare = max(0, width - _needed(shown))
    weights = sum(column.flex for column in shown)
    placed, x = [], 0
    for column in shown:
        extra = spare * column.flex // weights if weights else 0
        cells = max(0, min(column.width + extra, width - x))
        placed.append(Placed(column, x, cells))
        x += cells + GAP
    return tuple(placed)


def _needed(columns: Sequence[Column[Any]], roomy: bool = False) -> int:
    cells = sum(max(column.width, column.roomy if roomy else 0) for column in columns)
    return cells + GAP * (len(columns) - 1)


def cut(text: str, width: int, glyphs: Glyphs, right: bool = False) -> str:
    """Exactly `width` cells: cut with an ellipsis, or filled with spaces."""
    text = glyphs.clean(text)
    length = cell_len(text)
    if length > width:
        if width <= 0:
            return ""
        return set_cell_size(text, width - 1) + glyphs.ellipsis
    padding = " " * (width - length)
    return padding + text if right else text + padding


def state_cell(word: str, glyphs: Glyphs) -> Cell:
    """A status word with its glyph: `● live`, `… in progress`."""
    return Cell(f"{glyphs.state(word)} {word.replace('_', ' ')}", tone_of(word))


_TONES: Final[dict[str, Tone]] = {
    "live": "good",
    "accept": "good",
    "approved": "good",
    "done": "good",
    "stale": "warn",
    "draining": "warn",
    "blocked": "warn",
    "deferred": "quiet",
    "archived": "quiet",
    "left": "quiet",
    "pending": "quiet",
    "open": "plain",
    "in_progress": "busy",
    "reject": "bad",
    "rejected": "bad",
    "failed": "bad",
    "timeout": "bad",
    "terminated": "bad",
    "cancelled": "quiet",
    "healthy": "plain",
}


def tone_of(word: str) -> Tone:
    """The meaning of a status word."""
    return _TONES.get(word, "plain")
