"""The base of both widgets: cells to strips, in the theme's colours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.model.cells import Line, Tone, cut
from tui.model.glyphs import UNICODE, Glyphs

DIM = Style(dim=True)


class Painted(ScrollView):
    """A line-API widget that knows the tones. Old data is drawn dim: `dimmed`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "tone--plain",
        "tone--quiet",
        "tone--good",
        "tone--warn",
        "tone--bad",
        "tone--busy",
        "tone--head",
    }
    ALLOW_SELECT = False
    glyphs: Glyphs = UNICODE
    dimmed: bool = False

    def set_dimmed(self, dimmed: bool) -> None:
        """Draw as old data, or as live data again."""
        if dimmed != self.dimmed:
            self.dimmed = dimmed
            self.refresh()

    def tone(self, tone: Tone) -> Style:
        """A tone in the present theme, on this widget's background."""
        return self.get_component_rich_style(f"tone--{tone}", partial=True)

    def paint(self, line: Line, width: int, over: Style | None = None) -> Strip:
        """A line exactly `width` cells wide; `over` is laid on top of every cell."""
        segments, used = [], 0
        for text, style in self._pieces(line):
            room = width - used
            if room <= 0:
                break
            shown = self.glyphs.clean(text)
            if cell_len(shown) > room:
                shown = cut(shown, room, self.glyphs)
            used += cell_len(shown)
            segments.append(Segment(shown, style))
        if used < width:
            segments.append(Segment(" " * (width - used), Style.null()))
        return self._on_background(segments, over)

    def _pieces(self, line: Line) -> Iterable[tuple[str, Style]]:
        for cell in line:
            yield cell.text, self.tone(cell.tone)

    def _on_background(self, segments: list[Segment], over: Style | None) -> Strip:
        base = self.rich_style
        top = over or Style.null()
        if self.dimmed:
            top = DIM + top
        return Strip([Segment(text, base + (style or Style.null()) + top) for text, style, _ in segments])
