"""The final filter on terminal output: no colour at all, or nothing but ASCII."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.scrollbar import ScrollBarRender

from tui.model.glyphs import ASCII


class Colourless(LineFilter):
    """Keeps bold, dim, and reverse. Textual's own filter uses the terminal's colours, which are still
    colours.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, None if style is None else _without_colour(style), control)
            for text, style, control in segments
        ]


@lru_cache(4096)
def _without_colour(style: Style) -> Style:
    plain = style.without_color
    return plain + Style.from_meta(style.meta) if style.meta else plain


class AsciiOnly(LineFilter):
    """Converts everything, frames and scroll bars included: each character to ASCII of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            one if one.text.isascii() else Segment(ASCII.text(one.text), one.style, one.control)
            for one in segments
        ]


class WholeCells(ScrollBarRender):
    """Scroll bars that start and end on whole cells: partial cells have no ASCII form."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]
