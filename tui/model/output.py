"""A subtask's output as lines in bounded memory, with text search."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tui.model.facts import Fact
from tui.model.text import NOTHING, count, plain
from tui.model.tree import Line

if TYPE_CHECKING:
    from syncropel.wire import OutputPage

MAX_LINES: Final = 10_000
MAX_CHARS: Final = 4_000_000


class OutputRing:
    """The newest lines, limited in number and in characters. `first` is how many preceded them."""

    def __init__(self, max_lines: int = MAX_LINES, max_chars: int = MAX_CHARS) -> None:
        self._most = (max_lines, max_chars)
        self.lines: deque[str] = deque()
        self._chars = 0
        self.first = 0

    def __len__(self) -> int:
        return len(self.lines)

    def fill(self, lines: Sequence[str]) -> bool:
        """Add as many lines as fit, without dropping any; return False when some did not fit."""
        taken = 0
        while taken < len(lines) and len(self.lines) < self._most[0] and self._chars < self._most[1]:
            self.add(lines[taken : taken + 1])
            taken += 1
        return taken == len(lines)

    def add(self, lines: Sequence[str]) -> int:
        """Add lines; return how many old ones were dropped for them."""
        before = self.first
        self.lines.extend(lines)
        self._chars += sum(map(len, lines))
        while len(self.lines) > self._most[0] or (self._chars > self._most[1] and len(self.lines) > 1):
            self._chars -= len(self.lines.popleft())
            self.first += 1
        return self.first - before

    def clear(self) -> None:
        self.lines.clear()
        self._chars = self.first = 0

    def find(self, words: str, after: int, way: int) -> int | None:
        """The next line that contains these words, counted from the first kept line; None when none does.

        Case does not matter. `after`: the line to continue from; the search wraps around.
        """
        wanted, total = words.casefold(), len(self.lines)
        lines = list(self.lines)
        for step in range(1, total + 1):
            place = (after + way * step) % total
            if wanted in lines[place].casefold():
                return place
        return None


def headline(page: OutputPage, how: str) -> str:
    """Whose output this is, how much there is, and `how` it is viewed, in one line."""
    parts = [
        f"attempt {page.attempt}",
        plain(page.alias) or NOTHING,
        page.state.replace("_", " "),
        f"{count(page.size)}B",
        how,
    ]
    return " · ".join(parts)


def last_lines(ring: OutputRing, page: OutputPage | None, trouble: str, most: int) -> list[Fact]:
    """The last lines for a subtask's detail, and why they may not be the last."""
    name = "last lines"
    if trouble:
        known: list[Fact] = [(name, Line(f"not known: {plain(trouble)}", "warn"))]
        name = ""
    elif page is None:
        return [(name, Line("reading …", "muted"))]
    else:
        known = []
    lines = list(ring.lines)[-most:]
    if not lines and not trouble:
        return [(name, Line(NOTHING))]
    for line in lines:
        known.append((name, Line(line, "plain", most=1)))
        name = ""
    return known
