"""The screen behind a dialog: visible but dimmed, even where colours cannot be blended."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen

_FAINT = Style(dim=True)


class Faint(BackgroundScreen):
    """Everything dim, with nothing bold and nothing reversed."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        return (one if one.control else Segment(one.text, _FAINT) for one in segments)


class Over(ModalScreen[None]):
    """Covers another screen. The terminal's own colours cannot be blended, so there that screen is dimmed."""

    def render(self) -> RenderableType:
        behind = super().render()
        if isinstance(behind, BackgroundScreen) and behind.color.a == 0:
            return Faint(behind.screen, behind.color)
        return behind
