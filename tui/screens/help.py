"""The keys of one screen, over it."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.actions import help_entries
from tui.model.cells import Cell
from tui.model.frame import help_lines
from tui.model.glyphs import Glyphs
from tui.widgets.lines import Lines

FRAME: Final = 4  # cells that border and padding take, left and right together


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
        lines = self.query_one("#keys", Lines)
        lines.glyphs = self._glyphs
        room = self.app.size.width - 2 * FRAME
        title = (Cell(f"Keys of {self._of.title()}", "head"), Cell("   esc closes", "quiet"))
        shown = (title, *help_lines(help_entries(self._of), room))
        lines.show(shown)
        box = self.query_one("#help")
        widest = max(sum(len(cell.text) for cell in line) for line in shown)
        box.styles.width = min(self.app.size.width, widest + FRAME)
        box.styles.height = min(self.app.size.height, len(shown) + 2)

    def action_close(self) -> None:
        self.dismiss()
