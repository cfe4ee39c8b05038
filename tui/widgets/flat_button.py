"""A one-line button with its letter. Focus is shown by a sign and by reverse video, not by colour alone."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.model.glyphs import Tone
from tui.widgets.toned import Toned


class FlatButton(Toned, can_focus=True):
    """Pressed by enter, space, a click, or its letter. It is greyed while `why_not` has a reason."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"button--focus"}
    BINDINGS: ClassVar[list[BindingType]] = [("enter,space", "press", "press")]

    class Pressed(Message):
        """The button was pressed, with a key or with the mouse."""

        def __init__(self, button: FlatButton, *, by_mouse: bool = False) -> None:
            super().__init__()
            self.button, self.by_mouse = button, by_mouse

    def __init__(self, name: str, letter: str, label: str, tone: Tone = "plain") -> None:
        super().__init__(id=f"button-{name}")
        self.letter, self.label, self._tone = letter, label, tone
        self.why_not = ""

    def show(self, label: str, why_not: str = "") -> None:
        """Change the label, or grey it with a reason."""
        if (label, why_not) != (self.label, self.why_not):
            again = len(label) != len(self.label)
            self.label, self.why_not = label, why_not
            self.refresh(layout=again)

    @property
    def text(self) -> str:
        """The text shown."""
        mark = self.alphabet.cursor if self.has_focus else " "
        words = f"{self.label} ({self.letter})"
        return f"{mark} {words}  " if self.why_not else f"{mark}[{words}] "

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return cell_len(self.text)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render_line(self, y: int) -> Strip:
        style = self.tone("muted") if self.why_not else self.tone(self._tone)
        over = self.get_component_rich_style("button--focus", partial=True) if self.has_focus else Style()
        return self.strip([(self.text, style + over)], self.size.width)

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.screen.set_focus(self)
        self.post_message(self.Pressed(self, by_mouse=True))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()
