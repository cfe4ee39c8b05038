"""Rows and columns of a table, and which columns fit a width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tui.model.glyphs import TONES, Glyphs, Tone, word

GAP: Final = 2


@dataclass(frozen=True)
class Cell:
    """What one cell shows; `order` is what it is sorted by (its text when None)."""

    text: str
    tone: Tone = "plain"
    order: float | str | None = None


@dataclass(frozen=True)
class Row:
    """A row with an identity: `key` stays the same while everything else may change.

    `fields` is what filters look at: the cells' texts and what the row knows beyond them.
    """

    key: str
    cells: Mapping[str, Cell]
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column: at least `width` cells, more by `grow` (a share of what is left) up to `most`.

    `drop` says when it gives way: the highest goes first, 0 never does.
    """

    key: str
    title: str
    width: int
    grow: int = 0
    most: int = 200
    drop: int = 0
    right: bool = False


def state_cell(state: str, glyphs: Glyphs) -> Cell:
    """A sign and a word: a state is never told by its colour alone."""
    return Cell(f"{glyphs.sign(state)} {word(state)}", TONES.get(state, "plain"), word(state))


def drop_order(columns: Sequence[Column]) -> list[str]:
    """The columns that give way on a narrow terminal, first to go first."""
    return [one.key for one in sorted(columns, key=lambda one: -one.drop) if one.drop]


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit and how wide each is: the widest set in the stated drop order."""
    kept = list(columns)
    for key in drop_order(columns):
        if _needed(kept) <= width:
            break
        kept = [one for one in kept if one.key != key]
    spare = max(0, width - _needed(kept))
    widths = {one.key: one.width for one in kept}
    growing = [one for one in kept if one.grow]
    while spare and growing:
        total, before = sum(one.grow for one in growing), spare
        for one in growing:
            share = min(max(1, before * one.grow // total), spare, one.most - widths[one.key])
            widths[one.key] += share
            spare -= share
        growing = [one for one in growing if widths[one.key] < one.most]
    return [(one, widths[one.key]) for one in kept]


def _needed(columns: Sequence[Column]) -> int:
    return sum(one.width for one in columns) + GAP * max(0, len(columns) - 1)


def sort_rows(rows: Sequence[Row], key: str | None, descending: bool) -> list[Row]:
    """Rows by one column; as they came without one. Rows that are equal keep their order."""
    if key is None:
        return list(rows)
    return sorted(rows, key=lambda row: _order(row, key), reverse=descending)


def _order(row: Row, key: str) -> tuple[int, float, str]:
    cell = row.cells.get(key)
    if cell is None:
        return (2, 0.0, "")
    value = cell.text.lower() if cell.order is None else cell.order
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
