"""Scrollable text: the keys that move over rows scroll its lines."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.message import Message

from tui.widgets.bindings import bindings


class Pane(VerticalScroll, inherit_bindings=False):
    """Scrolls without animation: a line over ssh should not carry the frames of a smooth scroll."""

    BINDINGS = bindings("moves")

    class Resized(Message):
        """Its size changed, so its text may have to be wrapped again."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def action_move(self, by: int) -> None:
        self._go(self.scroll_offset.y + by)

    def action_page(self, by: int) -> None:
        self._go(self.scroll_offset.y + by * self.scrollable_content_region.height)

    def action_half(self, by: int) -> None:
        self._go(self.scroll_offset.y + by * max(1, self.scrollable_content_region.height // 2))

    def action_jump(self, to: int) -> None:
        self._go(self.max_scroll_y if to < 0 else 0)

    def _go(self, y: float) -> None:
        self.scroll_to(y=y, animate=False, immediate=True)
