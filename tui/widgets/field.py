"""An input row: a name with its access letter, and the input beside it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from tui.widgets.lines import Lines, Span


def entry(name: str, value: str = "", placeholder: str = "") -> Input:
    """A text input."""
    made = Input(value, placeholder, id=name, compact=True, select_on_focus=False)
    made.cursor_blink = False
    return made


class Field(Horizontal):
    """A name and a widget beside it."""

    def __init__(self, label: str, letter: str, widget: Widget) -> None:
        super().__init__(id=f"field-{widget.id}", classes="field")
        self.label, self.letter, self.widget = label, letter, widget

    def compose(self) -> ComposeResult:
        yield Lines(classes="label")
        yield self.widget

    def on_mount(self) -> None:
        letter = f" ({self.letter})" if self.letter else ""
        self.query_one(Lines).show([(Span(f"{self.label}{letter}", "muted"),)])
