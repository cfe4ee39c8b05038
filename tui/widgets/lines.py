"""A few lines of text that change rarely: header, banner, headings, facts."""

from __future__ import annotations

from textual.geometry import Region, Size
from textual.strip import Strip

from tui.model.cells import Line
from tui.widgets.painted import Painted


class Lines(Painted, can_focus=False):
    """As high as it has lines, unless its style says otherwise; hidden when it has none."""

    def __init__(self, name: str | None = None, *, classes: str | None = None) -> None:
        super().__init__(id=name, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self.display = False

    @property
    def text(self) -> str:
        """What it says, without colours."""
        return "\n".join("".join(self.glyphs.clean(cell.text) for cell in line) for line in self._lines)

    def show(self, lines: tuple[Line, ...]) -> None:
        """Replace the lines; only those that differ are drawn."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.virtual_size = Size(0, len(lines))
            self.display = bool(lines)
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.paint(line, self.size.width)
