"""A short list to pick from; the selection follows an item, not its position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.containers import ScrollableContainer
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tui.widgets.toned import Toned, clip


class ChoiceList(Toned, can_focus=True):
    """Up and down select, enter continues. A selected item that disappears stays selected and is shown as
    gone.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pick--focus"}
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up,k", "move(-1)", "the one above"),
        ("down,j", "move(1)", "the one below"),
        ("enter", "done", "go on"),
    ]

    class Changed(Message):
        """Another item was selected."""

    class Done(Message):
        """Enter: continue."""

    def __init__(self, picked: str = "", *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._lines: tuple[tuple[str, str], ...] = ()
        self.picked = picked

    @property
    def text(self) -> str:
        """The text shown."""
        return "\n".join(self._words(key, words) for key, words in self._lines)

    def show(self, lines: Sequence[tuple[str, str]]) -> None:
        """Show these items, each with its identity."""
        before, self._lines = self._lines, tuple(lines)
        if not self.picked and self._lines:
            self.picked = self._lines[0][0]
        if before != self._lines:
            self.refresh(layout=len(before) != len(self._lines))

    @property
    def is_gone(self) -> bool:
        """Whether the selected item is no longer in the list."""
        return bool(self.picked) and all(key != self.picked for key, _ in self._lines)

    def _words(self, key: str, words: str) -> str:
        return f"{self.alphabet.cursor if key == self.picked else ' '} {words}"

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        if y >= len(self._lines):
            return self.strip([], self.size.width)
        key, words = self._lines[y]
        style = self.tone("strong") if key == self.picked else Style()
        if key == self.picked and self.has_focus:
            style += self.get_component_rich_style("pick--focus", partial=True)
        text = clip(self._words(key, words), self.size.width, self.alphabet.ellipsis)
        return self.strip([(text.ljust(self.size.width), style)], self.size.width)

    def _go(self, place: int) -> None:
        if self._lines:
            key = self._lines[max(0, min(place, len(self._lines) - 1))][0]
            if key != self.picked:
                self.picked = key
                self.refresh()
                self._reveal(max(0, min(place, len(self._lines) - 1)))
                self.post_message(self.Changed())

    def _reveal(self, place: int) -> None:
        """Scroll what holds the list, where it is longer than the room for it."""
        for node in self.ancestors:
            if isinstance(node, ScrollableContainer):
                y = self.region.y - node.scrollable_content_region.y + round(node.scroll_y) + place
                node.scroll_to_region(Region(0, y, 1, 1), animate=False, immediate=True)
                return

    def action_move(self, by: int) -> None:
        keys = [key for key, _ in self._lines]
        self._go(keys.index(self.picked) + by if self.picked in keys else 0)

    def action_done(self) -> None:
        self.post_message(self.Done())

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        self._go(event.y)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
