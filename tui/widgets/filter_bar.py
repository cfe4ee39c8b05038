"""The line in which a filter is typed."""

from __future__ import annotations

from textual.widgets import Input


class FilterBar(Input):
    """Opened by `/`. Every keystroke filters; enter keeps the filter, esc clears it."""

    def __init__(self, fields: str) -> None:
        super().__init__(placeholder=f"text  !inverse  field:value   ({fields})", id="filter", compact=True)
        self.cursor_blink = False
        self.display = False
