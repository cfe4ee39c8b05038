"""Which rows of a table pass its filter, and in which order: found again only when there is something new."""

from __future__ import annotations

from collections.abc import Mapping

from tui.model.filters import Filter
from tui.model.rows import Row, Rows

Sort = tuple[str, bool]
"""The column's key, and whether it goes downwards."""
Order = tuple[int, float, str]
"""What rows are compared by: numbers before words, and nothing at all last."""


class Arrangement:
    """Remembers the places that were kept, and what filters and orders look at.

    Between two answers of the daemon only ages grow, all alike: to look at every row for that would cost more
    than all that is drawn. Nor is a row made again for the next letter of a filter, and none that is made for
    this is kept: thousands of cells would make the collector's rounds longer.
    """

    def __init__(self) -> None:
        self._asked: tuple[Filter, Sort | None] | None = None
        self._source: object = None
        self._fields: list[Mapping[str, str]] = []
        self._orders: dict[str, list[Order]] = {}
        self._places: list[int] = []

    def arrange(self, rows: Rows, wanted: Filter, sort: Sort | None) -> Rows:
        """The rows that pass, sorted. Without filter and sort as they came."""
        if not wanted and sort is None:
            return rows
        if rows.source is not self._source:
            self._source, self._asked, self._fields, self._orders = rows.source, None, [], {}
        if (wanted, sort) != self._asked:
            self._places = self._kept(rows, wanted, sort)
            self._asked = (wanted, sort)
        return rows.picked(self._places)

    def _kept(self, rows: Rows, wanted: Filter, sort: Sort | None) -> list[int]:
        """The places of the rows that pass, sorted by one column. Rows that are equal keep their order."""
        typing = self._asked is not None and bool(self._asked[0])  # else the ages in them are from long ago
        if not typing or (sort is not None and sort[0] not in self._orders):
            self._look(rows, sort)
        places = [place for place, fields in enumerate(self._fields) if wanted.passes(fields)]
        if sort is not None:
            places.sort(key=self._orders[sort[0]].__getitem__, reverse=sort[1])
        return places

    def _look(self, rows: Rows, sort: Sort | None) -> None:
        """Make each row once, and remember what is asked of it."""
        self._fields = []
        orders: list[Order] = []
        for row in rows.passing():
            self._fields.append(row.fields)
            if sort is not None:
                orders.append(_order(row, sort[0]))
        if sort is not None:
            self._orders[sort[0]] = orders


def _order(row: Row, key: str) -> Order:
    cell = row.cells.get(key)
    if cell is None:
        return (2, 0.0, "")
    value = cell.text.lower() if cell.order is None else cell.order
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
