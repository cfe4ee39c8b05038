"""Rows, and what belongs to the chosen one: beside them on a wide terminal, below where they leave room."""

from __future__ import annotations

from textual import events
from textual.containers import Container
from textual.message import Message

from tui.model.layout import LEAST_BELOW, SIDE_BY_SIDE
from tui.widgets.detail_pane import DetailPane


class SplitPane(Container):
    """Rows, and all about the chosen one where there is room: beside them, or in the lines they leave."""

    class Resized(Message):
        """It has another size: the rows may leave another room."""

    def on_resize(self, event: events.Resize) -> None:
        self.post_message(self.Resized())

    @property
    def is_wide(self) -> bool:
        return self.has_class("wide")

    def spread(self, width: int) -> bool:
        """Lay it out for a terminal of this width; says whether that is another layout than before."""
        wide = width >= SIDE_BY_SIDE
        changed = wide != self.is_wide
        self.set_class(wide, "wide")
        self._show_about()
        return changed

    def leave(self, lines: int) -> bool:
        """The rows leave so many lines free; says whether all about the chosen one stands there."""
        below = not self.is_wide and lines >= LEAST_BELOW
        self.set_class(below, "below")
        self._show_about()
        return below

    def _show_about(self) -> None:
        for about in self.query(DetailPane):
            about.display = self.is_wide or self.has_class("below")
