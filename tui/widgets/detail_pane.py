"""Everything known about the row under the cursor, beside the rows of a wide terminal, as `enter`
shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from tui.model import facts
from tui.model.facts import Fact
from tui.model.glyphs import UNICODE, Glyphs
from tui.model.tree import Line
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.toned import clip

_LEAST: Final = 20


class DetailPane(Vertical):
    """A name in a rule, and facts below it; what does not fit is left to `enter`."""

    def __init__(self) -> None:
        super().__init__()
        self._name = ""
        self._facts: tuple[Fact, ...] = ()
        self._dimmed = False
        self.display = False

    def compose(self) -> ComposeResult:
        yield Lines()

    def tell(self, name: str, about: Sequence[Fact], *, dimmed: bool = False) -> None:
        """Show these facts under that name; nothing without a name. `dimmed` ones may no longer be true."""
        told = (name, tuple(about), dimmed)
        if told != (self._name, self._facts, self._dimmed):
            self._name, self._facts, self._dimmed = told
            self._lay()

    def on_resize(self, event: events.Resize) -> None:
        self._lay()

    def _lay(self) -> None:
        width, height = self.size
        if width < _LEAST or height < 1:
            return
        glyphs: Glyphs = getattr(self.app, "glyphs", UNICODE)
        room = width * height
        cut = [(name, replace(line, text=line.text[:room])) for name, line in self._facts]
        lines = [self._spans(name, line) for name, line in facts.wrapped(cut, width - 3)]
        if len(lines) >= height:
            lines = [
                *lines[: max(0, height - 2)],
                (Span(f" {glyphs.ellipsis} enter shows the rest", "muted"),),
            ]
        shown = [self._head(glyphs), *lines] if self._name else []
        blank: list[Spans] = [()] * (height - len(shown))  # as many lines as before: nothing is laid out anew
        self.query_one(Lines).show([*shown, *blank])

    def _head(self, glyphs: Glyphs) -> Spans:
        words = clip(f"  {self._name} ", self.size.width - 2, glyphs.ellipsis)
        return (Span(words, "strong"), Span(glyphs.rule * max(0, self.size.width - len(words)), "muted"))

    def _spans(self, name: str, line: Line) -> Spans:
        return (Span(f"  {name}", "muted"), Span(line.text, "muted" if self._dimmed else line.tone))
