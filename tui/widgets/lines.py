"""A few lines of toned text: header, banner, footer, summaries. Only lines that changed are repainted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip

from tui.model.glyphs import Tone
from tui.widgets.toned import Toned


@dataclass(frozen=True)
class Span:
    """Text in one tone; `action` runs when it is clicked."""

    text: str
    tone: Tone = "plain"
    action: str = ""


Spans = tuple[Span, ...]
_Sign = tuple[str, Tone, str]


def _changed(old: Spans, new: Spans, y: int, width: int) -> Region:
    """Where a line differs: from the first differing cell to the last one if nothing moved.

    One cell more on either side, for glyphs that overlap the previous cell.
    """
    before, after = _signs(old), _signs(new)
    same = _alike(before, after)
    left = _cells(after[: max(0, same - 1)])
    if _cells(before) != _cells(after):
        return Region(left, y, max(1, width - left), 1)
    alike = _alike(before[same:][::-1], after[same:][::-1])
    right = _cells(after[: len(after) - alike + 1])
    return Region(left, y, max(1, min(width, right) - left), 1)


def _alike(one: Sequence[_Sign], other: Sequence[_Sign]) -> int:
    """The length of the common prefix."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _signs(line: Spans) -> list[_Sign]:
    return [(sign, span.tone, span.action) for span in line for sign in span.text]


def _cells(signs: Sequence[_Sign]) -> int:
    return cell_len("".join(sign for sign, *_ in signs))


class Lines(Toned):
    """Shows lines; as high as the number of lines, and hidden when there are none."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Spans, ...] = ()
        self.display = False

    @property
    def text(self) -> str:
        """The text shown, without styles."""
        return "\n".join("".join(span.text for span in line) for line in self._lines)

    def show(self, lines: Sequence[Spans]) -> None:
        """Show these lines. Repaints what differs, and lays out again only when their number changes."""
        before, self._lines = self._lines, tuple(lines)
        if before == self._lines:
            return
        if len(before) != len(self._lines):
            self.display = bool(self._lines)
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh(_changed(old, new, y, self.size.width))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines)

    def render_line(self, y: int) -> Strip:
        line = self._lines[y] if y < len(self._lines) else ()
        return self.strip([(span.text, self._style(span)) for span in line], self.size.width)

    def _style(self, span: Span) -> Style:
        style = self.tone(span.tone)
        meta: dict[str, Any] = {"@click": span.action}
        return style + Style.from_meta(meta) if span.action else style
