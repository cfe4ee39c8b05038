"""Lines of output, wrapped or cut, following the newest until the operator scrolls back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from rich.cells import chop_cells
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from tui.model.glyphs import Tone
from tui.model.output import OutputRing
from tui.widgets.bindings import bindings
from tui.widgets.toned import Toned

_PLAIN: Final[Tone] = "plain"
_MUTED: Final[Tone] = "muted"
_FOUND: Final[Tone] = "strong"


class OutputView(Toned, can_focus=True):
    """Shows a ring buffer. Only visible rows are drawn; each line is wrapped once per width."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("moves")

    class Moved(Message):
        """The view moved, so it may have stopped or resumed following."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.follows = True
        self.wraps = True
        self.found: int | None = None
        """The matching line, counted within all the output that was read."""
        self._top = 0
        self._rows: list[tuple[int, str]] = []
        self._shown = (0, 0)
        self._width = 0
        self._empty: Sequence[str] = ()

    @property
    def text(self) -> str:
        """The text shown, without styles."""
        seen = self._rows[self._top : self._top + self.size.height]
        return "\n".join(text for _, text in seen) if self._rows else "\n".join(self._empty)

    @property
    def top_line(self) -> int:
        """The line at the top, counted from the first one that was read."""
        return self._rows[self._top][0] if self._rows else 0

    def show(self, ring: OutputRing, empty: Sequence[str], *, anew: bool) -> None:
        """Show what the ring holds; `anew`: it holds other lines than before."""
        if anew or self._width != self.size.width:
            line = 0 if anew else self.top_line
            self._rows, self._width = [], self.size.width
            self._shown = (ring.first, ring.first)
            self._take(ring)
            self._top = next((at for at, (one, _) in enumerate(self._rows) if one >= line), 0)
        else:
            self._take(ring)
        self._empty = empty
        self._top = self._last_top if self.follows else min(self._top, self._last_top)
        self.refresh()

    def _take(self, ring: OutputRing) -> None:
        _, end = self._shown
        if ring.first > self._shown[0]:
            gone = next((at for at, (one, _) in enumerate(self._rows) if one >= ring.first), len(self._rows))
            del self._rows[:gone]
            self._top = max(0, self._top - gone)
        new = max(end, ring.first)
        total = ring.first + len(ring)
        lines = [ring.lines[at] for at in range(new - total, 0)] if new < total else []
        for number, line in enumerate(lines, new):
            self._rows += [(number, part) for part in self._broken(line)]
        self._shown = (ring.first, total)

    def _broken(self, line: str) -> list[str]:
        width = max(1, self._width - 2)
        if not self.wraps or len(line) * 2 <= width:
            return [line]
        if line.isascii():
            return [line[at : at + width] for at in range(0, len(line), width)]
        return chop_cells(line, width)

    def wrap(self, ring: OutputRing, *, wraps: bool) -> None:
        """Wrap long lines, or cut them."""
        self.wraps, self._width = wraps, 0
        self.show(ring, self._empty, anew=False)

    def go_to_line(self, line: int) -> None:
        """Scroll to this line and mark it."""
        self.found, self.follows = line, False
        place = next((at for at, (one, _) in enumerate(self._rows) if one >= line), 0)
        if not self._top <= place < self._top + self.size.height:
            self._top = min(max(0, place - self.size.height // 2), self._last_top)
        self.refresh()

    @property
    def _last_top(self) -> int:
        return max(0, len(self._rows) - self.size.height)

    def render_line(self, y: int) -> Strip:
        place, tone, text = self._top + y, _MUTED, ""
        if place < len(self._rows):
            number, text = self._rows[place]
            tone = _FOUND if number == self.found else _PLAIN
        elif not self._rows and y < len(self._empty):
            text = self._empty[y]
        mark = ">" if tone == _FOUND else " "
        return self.strip([(f"{mark}{text}", self.tone(tone))], self.size.width)

    # movement

    def _go(self, top: int) -> None:
        self._top = max(0, min(top, self._last_top))
        self.follows = self._top == self._last_top
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self._go(self._top + by)

    def action_page(self, by: int) -> None:
        self._go(self._top + by * self.size.height)

    def action_half(self, by: int) -> None:
        self._go(self._top + by * max(1, self.size.height // 2))

    def action_jump(self, to: int) -> None:
        self._go(self._last_top if to < 0 else 0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._go(self._top - 3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._go(self._top + 3)
