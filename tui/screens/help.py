"""The keys of one screen, over it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.actions import actions_of, keys_text
from tui.model.cells import Cell
from tui.model.frame import help_lines
from tui.model.glyphs import Glyphs
from tui.widgets.lines import Lines


class HelpScreen(ModalScreen[None]):
    """Closes with the key that opened it, or with esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,q", "close", "close", show=False),
    ]

    def __init__(self, screen: str, glyphs: Glyphs) -> None:
        super().__init__()
        self._of, self._glyphs = screen, glyphs

    def compose(self) -> ComposeResult:
        with Vertical(id="help", classes="-ascii" if self._glyphs.ascii_only else ""):
            yield Lines("keys")

    def on_mount(self) -> None:
        self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        entries = [(keys_text(action), action.description, action.cli) for action in actions_of(self._of)]
        lines = self.query_one("#keys", Lines)
        lines.glyphs = self._glyphs
        width = self.app.size.width - 8
        title = (Cell(f"Keys of {self._of.title()}", "head"), Cell("   esc closes", "quiet"))
        lines.show((title, *help_lines(self._of, entries, width)))

    def action_close(self) -> None:
        self.dismiss()
