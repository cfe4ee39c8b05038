"""Rows, and what belongs to the chosen one: beside them on a wide terminal."""

from __future__ import annotations

from textual.containers import Container

from tui.model.layout import SIDE_BY_SIDE
from tui.widgets.about import About


class Pair(Container):
    """Two widgets, one below the other; side by side, with all about the chosen row, where there is room."""

    @property
    def is_wide(self) -> bool:
        return self.has_class("wide")

    def spread(self, width: int) -> bool:
        """Lay it out for a terminal of this width; says whether that is another layout than before."""
        wide = width >= SIDE_BY_SIDE
        changed = wide != self.is_wide
        self.set_class(wide, "wide")
        for about in self.query(About):
            about.display = wide
        return changed
