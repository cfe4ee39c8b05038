"""A patch to read and to move in: line numbers, signs, and notes on lines. Only visible rows are drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from textwrap import wrap
from typing import ClassVar, Final

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.strip import Strip

from syncropel.client.patch import DRAWN_CHARS, SIGNS, FileChange, Kind, Patch, PatchLine
from tui.model.glyphs import Tone
from tui.model.patch_layout import Part, PatchLayout
from tui.model.review import file_words
from tui.model.text import escaped, is_altered
from tui.widgets.bindings import bindings
from tui.widgets.toned import Toned, clip

_TONES: Final[dict[Kind, Tone]] = {
    "file": "strong", "fact": "warn", "hunk": "busy", "context": "plain", "added": "good", "removed": "bad",
    "mark": "muted", "odd": "warn",
}  # fmt: skip
_NUMBERED: Final = frozenset(SIGNS)
_GOES_ON, _NOTED = "┆", "▎"
_HEAD: Final = 1


class PatchView(Toned, can_focus=True):
    """Under a title that names the file in view. The cursor is on a row; a note is about the line of it."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"patch--cursor", "patch--cursor-away", "patch--title-focus"}
    BINDINGS: ClassVar[list[BindingType]] = bindings("moves")

    class Moved(Message):
        """The cursor is in another line."""

    class Resized(Message):
        """Its size changed, and so may that of what is beside it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._patch = Patch()
        self._note: Callable[[PatchLine], str] = lambda line: ""
        self._sheet = PatchLayout(self._patch, 0, self._note)
        self._notes: object = None
        self._laid: object = None
        self._top = self._row = 0
        self._said: tuple[tuple[str, Tone], ...] = ()
        self._told: list[tuple[str, Tone]] = []
        """The same, in lines that fit."""
        self._of: object = None
        self._coming: tuple[Patch, PatchLayout] | None = None
        """What is laid out to take the place of what is drawn."""
        self._held: int | None = None
        """The line that the cursor goes back to when all is laid out."""
        self._goes_on = False
        self._drawn: object = None

    # what it shows

    def show(
        self,
        patch: Patch,
        note: Callable[[PatchLine], str],
        notes: object,
        said: tuple[tuple[str, Tone], ...],
        of: object = None,
    ) -> None:
        """Show a patch as far as it was read. `said` stands below it, or in its place.

        When `notes` differs, `note` tells other notes. When `of` does, this is the patch of something else,
        shown from its start.
        """
        self._said, room = said, max(20, self.size.width - 2)
        self._told = [(part, tone) for words, tone in said for part in wrap(words, room)]
        laid = (patch, self.size.width, notes)
        if laid != self._laid:
            self._notes, self._note, self._laid, self._coming = notes, note, laid, None
            sheet = PatchLayout(patch, self.size.width, note)
            if of != self._of or not self._sheet.rows:
                self._of, self._patch, self._sheet, self._top, self._row = of, patch, sheet, 0, 0
                self._held = None
            else:
                self._coming = (patch, sheet)
        self._lay_on()

    def _lay_on(self) -> None:
        """Lay out some more, and the rest later: keys come before it.

        Until what is laid out anew is complete, the former is drawn; the cursor stays on its line.
        """
        patch, sheet = self._coming or (self._patch, self._sheet)
        line, digits, offset = self.at, sheet.digits, self._row - self._top
        is_done = sheet.take()
        if sheet is self._sheet and digits != sheet.digits and self._held is None:
            self._held = line
        if is_done and self._coming is not None:
            self._patch, self._sheet, self._coming, self._held = patch, sheet, None, line
        if is_done and self._held is not None:
            self._row, self._held = sheet.first_row(self._held), None
            self._top = max(0, self._row - offset)
        self._go(self._row)
        if not is_done and not self._goes_on:
            self._goes_on = True
            asyncio.get_running_loop().call_soon(self.call_later, self._gone_on)

    def _gone_on(self) -> None:
        self._goes_on = False
        if self.is_attached:
            self._lay_on()

    @property
    def patch(self) -> Patch:
        """What is drawn: places and lines are those of this patch."""
        return self._patch

    def draws(self, patch: Patch) -> bool:
        """Whether all that was read of this patch is there to be scrolled to."""
        return self._patch is patch and self._coming is None and self._sheet.lines >= patch.ready

    @property
    def at(self) -> int:
        """The place of the cursor's line in the patch."""
        return self._sheet.line_of(self._row)

    @property
    def line(self) -> PatchLine | None:
        """The line under the cursor."""
        return self._patch.lines[self.at] if self._sheet.lines else None

    @property
    def file(self) -> FileChange | None:
        """The file that the cursor is in."""
        line = self.line
        return self._patch.files[line.file] if line is not None and self._patch.files else None

    @property
    def text(self) -> str:
        """The text shown, without styles."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))

    # drawing

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._title_line(width)
        row = self._top + y - _HEAD
        if row >= self._sheet.rows:
            at = row - self._sheet.rows - bool(self._sheet.rows)
            words, tone = self._told[at] if 0 <= at < len(self._told) else ("", "plain")
            return self.strip([(f" {words}", self.tone(tone))], width)
        line, part = self._sheet.row(row)
        over, mark = Style(), " "
        if self._sheet.line_of(row) == self.at:
            focus = self.has_focus
            over = self.get_component_rich_style(
                "patch--cursor" if focus else "patch--cursor-away", partial=True
            )
        if row == self._row:
            mark = self.alphabet.cursor
        return self.strip(self._parts(line, part, mark, over, width), width)

    def _parts(
        self, line: PatchLine, part: Part, mark: str, over: Style, width: int
    ) -> list[tuple[str, Style]]:
        tone, gutter = self.tone(_TONES[line.kind]) + over, self._sheet.gutter
        muted = self.tone("muted") + over
        if part.what == "note":
            head = f"{mark}{'note':>{gutter - 2}}{_NOTED}"
            return self._filled([(head + part.text, self.tone("cold") + over)], over, width)
        if part.what != "line":
            text = part.text if part.what == "more" else f"… {part.text}"
            head = f"{mark}{'':{gutter - 2}}{_GOES_ON}"
            return self._filled([(head, muted), (text, tone if part.what == "more" else muted)], over, width)
        if line.kind == "file":
            rule, words = self.alphabet.rule, f"{file_words(self._patch.files[line.file])} "
            title = [(f"{mark}{rule} ", muted), (f"{part.text} ", tone), (words, muted)]
            return [*title, (rule * max(0, width - sum(cell_len(one) for one, _ in title)), muted)]
        if line.kind not in _NUMBERED:
            indent = " " * (gutter - 1) if line.kind in ("fact", "mark", "odd") else " "
            return self._filled([(mark + indent, muted), (part.text, tone)], over, width)
        digits = self._sheet.digits
        numbers = f"{line.old or '':>{digits}} {line.new or '':>{digits}}"
        warns = "!" if is_altered(line.text[:DRAWN_CHARS]) else " "
        sign = SIGNS[line.kind]
        return self._filled(
            [(f"{mark}{numbers}", muted), (warns, self.tone("warn") + over), (sign + part.text, tone)],
            over,
            width,
        )

    @staticmethod
    def _filled(parts: list[tuple[str, Style]], over: Style, width: int) -> list[tuple[str, Style]]:
        return [*parts, (" " * width, over)] if over else parts

    def _title_line(self, width: int) -> Strip:
        glyphs, focus = self.alphabet, self.has_focus
        style = (
            self.get_component_rich_style("patch--title-focus", partial=True)
            if focus
            else self.tone("strong")
        )
        rule = self.tone("muted")
        shown, rows = max(0, self.size.height - _HEAD), self._sheet.rows
        where = ""
        if rows > shown:
            where = f" {min(100, (self._top + shown) * 100 // rows)}% of {self._sheet.lines:,} lines "
        mark = glyphs.cursor if focus else " "
        file, words = self.file, "DIFF"
        if file is not None:
            words = f"{file.index + 1}/{len(self._patch.files)} {escaped(file.path)}"
        name = clip(words, max(8, width - len(where) - 4), glyphs.ellipsis)
        return self.strip(
            [(f"{mark} {name} ", style), (glyphs.rule * max(0, width - len(name) - 3 - len(where)), rule),
             (where, rule)], width,
        )  # fmt: skip

    # movement

    def go_to_line(self, place: int) -> None:
        """Put the cursor on the line at this place, and the line near the top."""
        if place < self._sheet.lines:
            row = self._sheet.first_row(place)
            self._top = max(0, row - 1)
            self._go(row)

    def _go(self, row: int) -> None:
        before = self.at
        self._row = max(0, min(row, self._sheet.rows - 1))
        shown = max(1, self.size.height - _HEAD)
        end = self._sheet.first_row(self._sheet.line_of(self._row) + 1) - 1  # with the note on its line
        least = end if end - self._row < shown else self._row
        self._top = max(least - shown + 1, min(self._top, self._row))
        if self._row == self._sheet.rows - 1:  # what is said below the last line comes into view with it
            below = len(self._told) + 1 if self._told else 0
            self._top = max(self._top, self._row + 1 + below - shown)
        self._top = max(0, self._top)
        drawn = (self._sheet, self._sheet.rows, self._sheet.digits, self._row, self._top, tuple(self._told))
        if drawn != self._drawn:
            self._drawn = drawn
            self.refresh()
        if self.at != before:
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self._go(self._row + by)

    def action_page(self, by: int) -> None:
        self._turn(by * max(1, self.size.height - _HEAD - 1))

    def action_half(self, by: int) -> None:
        self._turn(by * max(1, (self.size.height - _HEAD) // 2))

    def _turn(self, rows: int) -> None:
        """Move the view and the cursor alike."""
        self._top = max(0, min(self._top + rows, self._sheet.rows - 1))
        self._go(self._row + rows)

    def action_jump(self, to: int) -> None:
        self._go(self._sheet.rows - 1 if to < 0 else 0)

    def on_resize(self, event: events.Resize) -> None:
        self.show(self._patch, self._note, self._notes, self._said, self._of)
        self.post_message(self.Resized())

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        row = self._top + event.y - _HEAD
        if event.y >= _HEAD and row < self._sheet.rows:
            self._go(row)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._turn(-3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._turn(3)
