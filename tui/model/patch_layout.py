"""Which rows the lines of a patch take at a width. A line that is too long goes on in further rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from rich.cells import cell_len, chop_cells

from syncropel.client.patch import DRAWN_CHARS, Patch, PatchLine
from tui.model.text import escaped

WORK: Final = 1000
"""So much of it at once keeps no key waiting."""
_LEAST_DIGITS: Final = 3
_LEAST_ROOM: Final = 8


class Part(NamedTuple):
    """One row of a line. `more`: the line goes on in it; `cut`: it says what is left out; `note`: what the
    operator has noted on the line.
    """

    what: Literal["line", "more", "cut", "note"]
    text: str


class PatchLayout:
    """The rows of the lines that were read so far. `note` gives the note on a line, or nothing."""

    def __init__(self, patch: Patch, width: int, note: Callable[[PatchLine], str]) -> None:
        self._patch, self._note, self._width = patch, note, width
        self._starts = [0]
        """The first row of each line that is laid out, and of the next one."""
        self.digits = _LEAST_DIGITS
        self._made: dict[int, list[Part]] = {}

    @property
    def gutter(self) -> int:
        """Cells before the text of a line: a mark, two numbers, and its sign."""
        return 2 * self.digits + 4

    @property
    def room(self) -> int:
        return max(_LEAST_ROOM, self._width - self.gutter)

    @property
    def lines(self) -> int:
        return len(self._starts) - 1

    @property
    def rows(self) -> int:
        return self._starts[-1]

    def take(self, most: int = WORK) -> bool:
        """Lay out some of what is not laid out yet; return whether all that was read is.

        `most` is how much work it may be: a plain line is 1, one that has to be measured as much as it has
        characters. When its numbers need more room, all of it is laid out anew.
        """
        lines, ready = self._patch.lines, self._patch.ready
        while self.lines < ready and most > 0:
            one = lines[self.lines]
            if (digits := len(str(max(one.old or 0, one.new or 0)))) > self.digits:
                self.digits, self._starts = digits, [0]
                self._made.clear()
                continue
            plain = self._is_plain(one)
            most -= 1 if plain else 1 + min(len(one.text), DRAWN_CHARS)
            height = 1 if plain and not self._note(one) else len(self.parts(one))
            self._starts.append(self._starts[-1] + height)
        return self.lines >= ready

    def line_of(self, row: int) -> int:
        """The line that this row belongs to."""
        return max(0, min(bisect_right(self._starts, row) - 1, self.lines - 1))

    def first_row(self, line: int) -> int:
        return self._starts[max(0, min(line, self.lines))]

    def row(self, row: int) -> tuple[PatchLine, Part]:
        """What stands in a row."""
        at = self.line_of(row)
        if at not in self._made:
            if len(self._made) > 1000:
                self._made.clear()
            self._made[at] = self.parts(self._patch.lines[at])
        parts, of_line = self._made[at], row - self._starts[at]
        # A note may be gone that the rows were counted with: they are laid out anew soon.
        return self._patch.lines[at], parts[of_line] if of_line < len(parts) else Part("note", "")

    def parts(self, line: PatchLine) -> list[Part]:
        """A line in rows, and the note on it."""
        text = line.text
        left_out = len(text) - DRAWN_CHARS
        first, *rest = _broken(escaped(text[:DRAWN_CHARS]), self.room)
        made = [Part("line", first), *(Part("more", one) for one in rest)]
        if left_out > 0:
            made.append(Part("cut", f"{left_out:,} more characters of this line; e shows them"))
        if note := self._note(line):
            made += [Part("note", one) for one in _broken(escaped(note), self.room)]
        return made

    def _is_plain(self, line: PatchLine) -> bool:
        """Whether a line plainly takes one row."""
        text = line.text
        return len(text) <= self.room and text.isascii() and text.isprintable()


def _broken(text: str, room: int) -> list[str]:
    if text.isascii():
        return [text[at : at + room] for at in range(0, len(text), room)] or [""]
    return [text] if cell_len(text) <= room else chop_cells(text, room)
