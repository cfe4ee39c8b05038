"""Which rows of a table pass its filter, and in which order; recomputed only when something has changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from tui.model.filters import Filter
from tui.model.rows import Row, Rows

SLICE: Final = 1_000
"""Rows handled in one go: 10,000 would hold up the keys for a quarter of a second."""

FEW: Final = 200
"""Rows that are made and judged by a costly filter in one go; of more, they are made first."""
BUDGET: Final = 600_000
"""What a filter spends in one go, in characters times their cost: some milliseconds, also with the worst of
patterns.
"""

_CALL: Final = 100
"""What it costs to look at a field at all."""

Sort = tuple[str, bool]
"""The column's key, and whether the order is descending."""
Order = tuple[int, float, str]
"""The sort key of a row: numbers before words, missing values last."""


class _Look:
    """What filters and one sort order read from each row. Rows are made for it one at a time, and
    not kept."""

    def __init__(self, rows: Rows, column: str | None) -> None:
        self.rows, self._column = rows, column
        self.used = False
        self._fields: list[Mapping[str, str]] = []
        self._orders: list[Order] = []
        self._coming = rows.passing()
        self._wanted: Filter | None = None
        self._passed: list[int] = []
        self._judged = 0

    @property
    def is_complete(self) -> bool:
        return len(self._fields) == len(self.rows)

    def serves(self, sort: Sort | None) -> bool:
        return sort is None or sort[0] == self._column

    def go_on(self) -> None:
        for row in islice(self._coming, SLICE):
            self._fields.append(row.sought)
            if self._column is not None:
                self._orders.append(_order(row, self._column))

    def judge(self, wanted: Filter) -> bool:
        """Find some more of the rows that pass; return whether all were looked at."""
        if wanted != self._wanted:
            self._wanted, self._passed, self._judged = wanted, [], 0
        spent = 0
        while self._judged < len(self._fields) and spent < BUDGET:
            fields = self._fields[self._judged]
            if wanted.passes(fields):
                self._passed.append(self._judged)
            if wanted.weight:
                spent += len(fields) * _CALL + wanted.weight * sum(map(len, fields.values()))
            self._judged += 1
        return self._judged == len(self._fields)

    def kept(self, wanted: Filter, sort: Sort | None) -> list[int]:
        """The positions of the rows that pass, sorted by one column, or else by how well they match. Both
        sorts are stable.
        """
        self.used = True
        places = [*self._passed]
        if sort is not None:
            places.sort(key=self._orders.__getitem__, reverse=sort[1])
        elif wanted.ranked:
            places.sort(key=lambda place: -wanted.score(self._fields[place]))
        return places


class Arrangement:
    """Caches the resulting positions, and what filters and sort orders read from rows.

    Between two answers of the daemon only ages grow, all alike: rereading every row for that would cost more
    than all drawing. Nor are rows made again for the next letter of a filter. Rows made for this are not
    kept: thousands of cells would lengthen garbage collections.
    """

    def __init__(self) -> None:
        self._look: _Look | None = None
        self._asked: tuple[Filter, Sort | None] | None = None
        self._places: list[int] = []
        self._answer: Rows | None = None
        self.unfinished = False
        """Whether the result is an earlier one: the next call handles some more rows."""

    def arrange(self, rows: Rows, wanted: Filter, sort: Sort | None) -> Rows:
        """The rows that pass, sorted; without filter and sort, as they came.

        With more than `SLICE` rows it may be `unfinished`. Rows that arrive meanwhile are handled in a later
        round: news may arrive faster than all rows can be read.
        """
        self.unfinished = False
        if not wanted and sort is None:
            self._look = self._asked = self._answer = None
            return rows
        look, asked = self._look, (wanted, sort)
        if look is not None and look.used and look.rows.source is rows.source and asked == self._asked:
            return rows.picked(self._places)
        if look is None or not look.serves(sort) or (look.used and not self._is_typed(look, rows)):
            look = self._look = _Look(rows, sort[0] if sort is not None else None)
        if not look.is_complete:
            look.go_on()
            many = FEW if wanted.weight else SLICE
            if len(look.rows) > many:  # also after the last slice: the result gets a turn of its own
                self.unfinished = True
                return self._answer if self._answer is not None else rows
        if not look.judge(wanted):
            self.unfinished = True
            return self._answer if self._answer is not None else rows
        self._places, self._asked = look.kept(wanted, sort), asked
        self._answer = look.rows.picked(self._places)
        return self._answer

    def _is_typed(self, look: _Look, rows: Rows) -> bool:
        """Whether this is only the next letter of a filter; otherwise the cached ages are from long ago."""
        return look.rows.source is rows.source and self._asked is not None and bool(self._asked[0])


def _order(row: Row, key: str) -> Order:
    cell = row.cells.get(key)
    if cell is None:
        return (2, 0.0, "")
    value = cell.text.lower() if cell.order is None else cell.order
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
