"""The line in which a filter is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Input


class FilterBar(Input):
    """Opened by `/`. It filters on every keystroke; enter keeps the filter, esc clears it."""

    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+c", "screen.back", "clear")]

    def __init__(self, fields: str) -> None:
        super().__init__(
            placeholder=f"text  !inverse  field:value  ~fuzzy  /regex/   ({fields})",
            id="filter",
            compact=True,
        )
        self.cursor_blink = False
        self.display = False
