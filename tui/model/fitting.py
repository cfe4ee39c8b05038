"""The columns of one table at its width: as the operator chose them, and as their content needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tui.model.columns import NONE, Choice
from tui.model.rows import Column, Rows, fit, silent


class Fitting:
    """Each method returns whether the table has to be drawn anew."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.choice = NONE
        self._chosen: Sequence[Column] = columns
        self._measured: object = None
        self._longest: Mapping[str, int] = {}
        self._silent: frozenset[str] = frozenset()
        self._fitted: tuple[int, list[tuple[Column, int]]] = (0, [])

    def choose(self, choice: Choice) -> bool:
        """Show these columns from now on."""
        if choice == self.choice:
            return False
        self.choice, self._chosen, self._fitted = choice, choice.of(self.columns), (0, [])
        return True

    def measure(self, source: object, longest: Callable[[], Mapping[str, int]]) -> bool:
        """Fit them to their content; it is measured only when `source` is another object."""
        if source is self._measured:
            return False
        self._measured, found = source, longest()
        if found == self._longest:
            return False
        self._longest, self._fitted = found, (0, [])
        return True

    def look_through(self, rows: Rows) -> bool:
        """Let columns that say nothing in these rows give way to others.

        Rows that are not measured are not made for it, either.
        """
        if self._measured is None:
            return False
        found = silent(rows, self.columns)
        if found == self._silent:
            return False
        self._silent, self._fitted = found, (0, [])
        return True

    def widths(self, room: int) -> list[tuple[Column, int]]:
        """The columns that fit, and their widths."""
        if self._fitted[0] != room:
            self._fitted = (room, fit(self._chosen, room, self._longest, self._silent))
        return self._fitted[1]
