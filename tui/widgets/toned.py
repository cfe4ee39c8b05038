"""Turns tones into styles: the only place where a meaning is mapped to a colour."""

from __future__ import annotations

from typing import ClassVar, get_args

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.model.glyphs import UNICODE, Glyphs, Tone

_TONES: tuple[Tone, ...] = get_args(Tone)


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """Text of at most `width` cells; an ellipsis marks that some is missing."""
    if cell_len(text) <= width:
        return text
    if width <= len(ellipsis):
        return set_cell_size(text, width)
    return set_cell_size(text, width - len(ellipsis)).rstrip() + ellipsis


def place(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """Text in exactly `width` cells."""
    text = clip(text, width, ellipsis)
    room = " " * (width - cell_len(text))
    return room + text if right else text + room


class Tinted(Screen[None]):
    """A screen that knows what each tone looks like: component classes, styled in `styles/tones.tcss`.

    The screen has them, not each widget: when a screen opens, Textual matches the rules for every class of
    every widget, and fifteen tones in twenty widgets were most of the cost.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in _TONES}

    def on_screen_suspend(self) -> None:
        """When it is closed, drop all drawn lines.

        Textual keeps those of the last thousand widgets (by an `lru_cache` on a method of the object that
        holds them): a MiB per closed screen, visited by every garbage collection.
        """
        if any(self in stack for stack in self.app._screen_stacks.values()):
            return
        for one in self.walk_children(Widget, with_self=True):
            for drawn in (one, one._vertical_scrollbar, one._horizontal_scrollbar):
                if drawn is not None:
                    drawn._styles_cache.clear()


class Toned(Widget):
    """A widget on a `Tinted` screen that draws segments by tone."""

    def tone(self, tone: Tone) -> Style:
        return self.screen.get_component_rich_style(f"tone--{tone}", partial=True)

    @property
    def alphabet(self) -> Glyphs:
        """The app's alphabet."""
        return getattr(self.app, "glyphs", UNICODE)

    def strip(self, parts: list[tuple[str, Style]], width: int) -> Strip:
        """Parts on this widget's own background, padded to `width`, or cut to it with an ellipsis."""
        base, text = self.rich_style, self.alphabet.text
        strip = Strip([Segment(text(words), base + style) for words, style in parts if words])
        if strip.cell_length > width and (lost := strip.crop(max(0, width - 1))).text.strip():
            style = next(iter(lost)).style
            strip = Strip([*strip.crop(0, width - 1), Segment(self.alphabet.ellipsis, style)])
        return strip.adjust_cell_length(width, base).simplify()
