"""Which rows of a table pass its filter, and in which order: found again only when there is something new."""

from __future__ import annotations

from collections.abc import Sequence

from tui.model.filters import Filter
from tui.model.rows import Row, Rows

Sort = tuple[str, bool]
"""The column's key, and whether it goes downwards."""


class Arrangement:
    """Remembers the places that were kept.

    Between two answers of the daemon only ages grow, all alike: to look at every row for that would cost more
    than all that is drawn.
    """

    def __init__(self) -> None:
        self._asked: tuple[Filter, Sort | None] | None = None
        self._source: object = None
        self._places: list[int] = []

    def arrange(self, rows: Rows, wanted: Filter, sort: Sort | None) -> Rows:
        """The rows that pass, sorted. Without filter and sort as they came."""
        if not wanted and sort is None:
            return rows
        if rows.source is not self._source or (wanted, sort) != self._asked:
            passed = [place for place, row in enumerate(rows) if wanted.passes(row)]
            self._places = _ordered(rows, passed, sort)
            self._source, self._asked = rows.source, (wanted, sort)
        return rows.picked(self._places)


def _ordered(rows: Sequence[Row], places: Sequence[int], sort: Sort | None) -> list[int]:
    """Places sorted by one column of their rows. Rows that are equal keep their order."""
    if sort is None:
        return list(places)
    key, descending = sort
    return sorted(places, key=lambda place: _order(rows[place], key), reverse=descending)


def _order(row: Row, key: str) -> tuple[int, float, str]:
    cell = row.cells.get(key)
    if cell is None:
        return (2, 0.0, "")
    value = cell.text.lower() if cell.order is None else cell.order
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
