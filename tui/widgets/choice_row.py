"""One of a few words, chosen with the arrow keys: `( soft ) [●hard ]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from tui.widgets.toned import Toned


class ChoiceRow(Toned, can_focus=True):
    """Left and right choose; the chosen word is in brackets and has a sign."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--focus"}
    BINDINGS: ClassVar[list[BindingType]] = [
        ("left", "turn(-1)", "the one before"),
        ("right,space", "turn(1)", "the next"),
        ("enter", "done", "go on"),
    ]

    class Changed(Message):
        """Another word was chosen."""

    class Done(Message):
        """Enter: continue."""

    def __init__(self, options: Sequence[str], chosen: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.options, self.value = tuple(options), chosen

    @property
    def text(self) -> str:
        """The text shown."""
        return " ".join(self._word(one) for one in self.options)

    def _word(self, one: str) -> str:
        return f"[{self.alphabet.cursor} {one}]" if one == self.value else f"   {one} "

    def render_line(self, y: int) -> Strip:
        parts: list[tuple[str, Style]] = []
        for one in self.options:
            style = self.tone("strong") if one == self.value else self.tone("muted")
            if one == self.value and self.has_focus:
                style += self.get_component_rich_style("choice--focus", partial=True)
            parts += [(self._word(one), style), (" ", Style())]
        return self.strip(parts, self.size.width)

    def choose(self, value: str) -> None:
        if value in self.options and value != self.value:
            self.value = value
            self.refresh()
            self.post_message(self.Changed())

    def action_turn(self, by: int) -> None:
        place = self.options.index(self.value) + by
        self.choose(self.options[place % len(self.options)])

    def action_done(self) -> None:
        self.post_message(self.Done())

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        x = 0
        for one in self.options:
            x += len(self._word(one)) + 1
            if event.x < x:
                self.choose(one)
                return

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
