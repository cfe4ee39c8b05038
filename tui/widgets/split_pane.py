"""Rows, and details of the selected one: beside them on a wide terminal, below them where they leave room."""

from __future__ import annotations

from textual import events
from textual.containers import Container
from textual.message import Message

from tui.model.layout import LEAST_BELOW, SIDE_BY_SIDE
from tui.widgets.detail_pane import DetailPane


class SplitPane(Container):
    """Rows, and details of the selected one where there is room: beside them, or in the lines they leave."""

    class Resized(Message):
        """Its size changed: the rows may leave different room."""

    def on_resize(self, event: events.Resize) -> None:
        self.post_message(self.Resized())

    @property
    def is_wide(self) -> bool:
        return self.has_class("wide")

    def spread(self, width: int) -> bool:
        """Lay it out for a terminal of this width; return whether the layout changed."""
        wide = width >= SIDE_BY_SIDE
        changed = wide != self.is_wide
        self.set_class(wide, "wide")
        self._show_about()
        return changed

    def leave(self, lines: int) -> bool:
        """The rows leave this many lines free; return whether details of the selected one are shown there."""
        below = not self.is_wide and lines >= LEAST_BELOW
        self.set_class(below, "below")
        self._show_about()
        return below

    def _show_about(self) -> None:
        about = self.query_one_optional(DetailPane)
        if about is not None:
            about.display = self.is_wide or self.has_class("below")
