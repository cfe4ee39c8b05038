"""A widget in which what a filter looks for stands out: by underline and bold, with or without colour."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style

from tui.model.filters import Filter
from tui.widgets.toned import Toned


class Matching(Toned):
    """Draws text with matches."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"matching--match"}

    def with_matches(self, found: Filter, key: str, text: str, style: Style) -> list[tuple[str, Style]]:
        """The text of a column, with what the filter looks for in another style."""
        if not found:
            return [(text, style)]
        bright = style + self.get_component_rich_style("matching--match", partial=True)
        parts, at = list[tuple[str, Style]](), 0
        for begin, end in found.places(key, text.rstrip()):
            parts += [(text[at:begin], style), (text[begin:end], bright)]
            at = end
        return [*parts, (text[at:], style)]
