"""What a subtask's attempts changed, side by side: to approve one, or to reject it with notes."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget

from tui import dialogs
from tui.connection.patch_reader import PatchReader
from tui.connection.review_reader import ReviewReader
from tui.model import patch_words, review
from tui.model.actions import NEXT_ATTEMPT, REVIEW
from tui.model.notes import Notes, place_of
from tui.model.rows import Rows
from tui.model.subject import task_label
from tui.model.subject_actions import Verb
from tui.model.text import plain
from tui.screens.of_subtask import OfSubtask
from tui.widgets import pager
from tui.widgets.bindings import bindings
from tui.widgets.lines import Lines, Span
from tui.widgets.patch_view import PatchView
from tui.widgets.table import HEAD, Table
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.client.patch import PatchLine
    from tui.model.glyphs import Tone

WIDE, WIDE_COMPARED = 110, 160
"""From this width on the files are beside the diff, otherwise above it; those of two attempts are wider."""
_MOST_ATTEMPTS, _LEAST_FILES, _LEAST_DIFF = 4, 3, 13
"""Rows of the tables, and of the diff below them, where there is little room."""


class ReviewTable(Table):
    """Left and right go to another file, since there is nothing to scroll sideways."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("review")


class ReviewScreen(OfSubtask):
    """`v` on a subtask."""

    AUTO_FOCUS = "PatchView"
    name_ = REVIEW
    BINDINGS = bindings("review")

    def __init__(self, thread: str, index: int) -> None:
        super().__init__(thread, index)
        self._reader: ReviewReader | None = None
        self._revision: object = None
        self._comparison: review.Comparison | None = None
        self._due = False

    def body(self) -> Sequence[Widget]:
        glyphs = self.console.glyphs
        return (
            ReviewTable(review.ATTEMPTS, glyphs, id="attempts"),
            Lines(id="review-state"),
            Container(
                Vertical(
                    ReviewTable(review.FILES, glyphs, id="files"),
                    ReviewTable(review.COMPARED, glyphs, id="compared"),
                    ReviewTable(review.NOTES, glyphs, id="notes"),
                    id="changed",
                ),
                PatchView(id="patch"),
                id="review",
            ),
        )

    @property
    def view(self) -> PatchView:
        return self.query_one(PatchView)

    @property
    def reader(self) -> ReviewReader:
        if self._reader is None:
            self._reader = ReviewReader(self.session, self.thread, self.index, self._news)
        return self._reader

    def while_shown(self) -> Coroutine[Any, Any, None]:
        return self.reader.run()

    def _news(self) -> None:
        if self.is_mounted and not self._due:
            self._due = True
            self.call_next(self._show_news)

    def _show_news(self) -> None:
        self._due = False
        self.show()

    # showing

    @property
    def shown(self) -> PatchReader | None:
        """The diff of the attempt that is looked at."""
        return self.reader.patch_of(self.reader.number)

    @property
    def notes(self) -> Notes:
        """The notes on the attempt that is shown."""
        return self.session.drafts.of(self.thread, self.index, self.reader.number or 0)

    def fill(self, now: float) -> None:
        status = self.world.status
        if status is not None and status.tasks_revision != self._revision:
            self._revision = status.tasks_revision
            self.reader.ask()
        wide = self.size.width >= (WIDE if self.reader.other is None else WIDE_COMPARED)
        self.query_one("#review").set_class(wide, "wide")
        self._fill_attempts()
        self._fill_state()
        self._fill_files(wide=wide)
        self._fill_notes(wide=wide)
        self._fill_patch()

    def _fill_attempts(self) -> None:
        known, table = self.reader.known, self.query_one("#attempts", Table)
        rows = review.attempt_rows(known, self.console.glyphs) if known is not None else None
        trouble = patch_words.trouble(self.reader.trouble) if self.reader.trouble is not None else ""
        empty = (
            self.unread("the attempts", trouble) if known is None else ("it was given to no instance yet",)
        )
        self.select(table, rows, "ATTEMPTS", empty)
        table.take(HEAD + min(len(rows or ()) or len(empty), _MOST_ATTEMPTS))
        if self.reader.number is not None:
            table.select(str(self.reader.number))

    def _fill_state(self) -> None:
        lines: list[tuple[str, Tone]] = []
        known, key = self.reader.known, self.console.keymap.first
        if known is not None and self.reader.trouble is not None:
            lines.append((f"not known how it stands now: {patch_words.trouble(self.reader.trouble)}", "warn"))
        if known is not None and self.reader.number is not None and known.latest > self.reader.number:
            lines.append((patch_words.newer(known, self.reader.number, key(NEXT_ATTEMPT)), "warn"))
        if more := patch_words.uncommitted(self.reader.attempt):
            lines.append((more, "warn"))
        if self.reader.other is not None:
            lines += self._between()
        width, ellipsis = self.size.width - 2, self.console.glyphs.ellipsis
        self.query_one("#review-state", Lines).show(
            [
                (Span(" " + clip(self.console.glyphs.text(words), width, ellipsis), tone),)
                for words, tone in lines
            ]
        )

    def _between(self) -> list[tuple[str, Tone]]:
        """What is known of the two attempts that are compared."""
        one, two = self.reader.attempt, review.attempt_of(self.reader.known, self.reader.other or 0)
        head = f"attempt {self.reader.number} beside attempt {self.reader.other}"
        if (found := self._compared()) is not None:
            head = f"{head}: {found.summary()}"
        lines: list[tuple[str, Tone]] = [(head, "plain")]
        if one is not None and two is not None and self.reader.known is not None:
            lines.append((review.between(one, two, self.reader.known.repo), "muted"))
        return lines

    def _compared(self) -> review.Comparison | None:
        """The comparison, once both patches are read."""
        one, two = self.shown, self.reader.patch_of(self.reader.other)
        if one is None or two is None or not (one.is_read and two.is_read):
            return None
        if self._comparison is None or self._comparison.of != (one.patch, two.patch):
            self._comparison = review.Comparison(
                one.patch, two.patch, (self.reader.number or 0, self.reader.other or 0)
            )
        return self._comparison

    def _fill_files(self, *, wide: bool) -> None:
        files, compared = self.query_one("#files", Table), self.query_one("#compared", Table)
        files.display, compared.display = self.reader.other is None, self.reader.other is not None
        reader, rows, table = self.shown, None, files if self.reader.other is None else compared
        width, glyphs = table.column_width("path"), self.console.glyphs
        if self.reader.other is None and reader is not None and (reader.is_read or reader.patch.files):
            rows = review.file_rows(reader.patch, self.notes, width, glyphs)
        elif (found := self._compared()) is not None:
            rows = review.compared_rows(found, width, glyphs)
            table.head("this", f"ATTEMPT {self.reader.number}")
            table.head("other", f"ATTEMPT {self.reader.other}")
        known = reader is not None and reader.is_read
        self.select(table, rows, "FILES", ("no file",) if known else ("not known yet",))
        most = max(_LEAST_FILES, (self.body_height() - _LEAST_DIFF) // 3)
        table.take(None if wide else HEAD + max(1, min(len(rows or ()), most)))
        if table is files and (file := self.view.file) is not None:
            table.select(str(file.index))

    def _fill_notes(self, *, wide: bool) -> None:
        table, notes = self.query_one("#notes", Table), self.notes
        rows: Rows | None = review.note_rows(notes)
        table.display = wide and len(notes) > 0
        self.select(table, rows, "NOTES", ())
        table.take(HEAD + min(len(notes), max(2, self.body_height() // 3)))

    def _fill_patch(self) -> None:
        reader, notes = self.shown, self.notes
        if reader is None:
            return
        patch = reader.patch

        def note(line: PatchLine) -> str:
            return notes.on(patch, line)

        name = task_label(self.world, self.subject())
        command = f"spl task diff {name} {self.index} --attempt {self.reader.number}"
        said = patch_words.said(reader, self.reader.number or 0, command, self.console.glyphs)
        self.view.show(patch, note, (self.reader.number, notes.version), tuple(said), self.reader.number)

    # movement

    @on(PatchView.Resized)
    def _resized(self) -> None:
        self.show()

    @on(PatchView.Moved)
    def _moved(self) -> None:
        if self.reader.other is None and (file := self.view.file) is not None:
            self.query_one("#files", Table).select(str(file.index))

    @on(Table.Chosen)
    def _chosen(self, event: Table.Chosen) -> None:
        """The event may be older than what is shown: the current selection counts."""
        table, key = event.table, event.table.chosen
        if key is None or self.focused is not table:
            return
        if table.id == "attempts" and int(key) != self.reader.number:
            self.reader.look_at(int(key), self.reader.other)
        elif table.id == "files" and (self.view.file is None or str(self.view.file.index) != key):
            self._go_to_file(int(key))

    @on(Table.Opened)
    def _opened(self, event: Table.Opened) -> None:
        """Go to what it is about in the diff."""
        table, patch = event.table, self.view.patch
        if table.id == "compared":
            found = next((one for one in patch.files if one.path == event.key), None)
            if found is None:
                self.notify(f"attempt {self.reader.number} did not change this file", timeout=3)
                return
            self._go_to_file(found.index)
        elif table.id == "notes":
            place = review.line_of_note(patch, self.notes, event.key)
            if place is not None:
                self.view.go_to_line(place)
        self.view.focus()

    def _go_to_file(self, index: int) -> None:
        if index < len(self.view.patch.files):
            self.view.go_to_line(self.view.patch.files[index].first)

    def action_file(self, by: int) -> None:
        """Go to the next file, or the previous one."""
        file = self.view.file
        index = file.index + by if file is not None else -1
        if not 0 <= index < len(self.view.patch.files):
            self.notify("no further file in that direction", timeout=3)
        else:
            self._go_to_file(index)

    def action_hunk(self, by: int) -> None:
        """Go to the next hunk, or the previous one, also of another file."""
        hunks, at = [one for file in self.view.patch.files for one in file.hunks], self.view.at
        further = [one for one in hunks if (one > at if by > 0 else one < at)]
        if not further:
            self.notify("no further hunk in that direction", timeout=3)
        else:
            self.view.go_to_line(further[0] if by > 0 else further[-1])

    def action_attempt(self, by: int) -> None:
        """Show the next attempt, or the previous one."""
        reader, now = self.reader, self.reader.number or 0
        further = [one for one in reader.numbers if (one > now if by > 0 else one < now)]
        if not further:
            self.notify("no further attempt in that direction", timeout=3)
        else:
            reader.look_at(further[0] if by > 0 else further[-1], reader.other)

    def action_compare(self) -> None:
        """Compare with the attempt before, or with the one after the first; again: not any more."""
        reader, number = self.reader, self.reader.number
        if number is None or len(reader.numbers) < 2:
            self.notify("there is no other attempt to compare with", timeout=3)
        elif reader.other is not None:
            reader.look_at(number, None)
        else:
            before = [one for one in reader.numbers if one < number]
            after = [one for one in reader.numbers if one > number]
            reader.look_at(number, before[-1] if before else after[0])

    def action_next(self) -> None:
        """Go on from the diff to attempts, files, notes, and back."""
        shown = [one for one in self.query(Table) if one.display]
        ring = [self.view, *shown]
        at = ring.index(self.focused) if self.focused in ring else 0
        ring[(at + 1) % len(ring)].focus()

    def read_again(self) -> None:
        self.reader.ask()
        self.reader.ask_patch()

    def action_patch_pager(self) -> None:
        if (reader := self.shown) is None or not reader.patch.lines:
            return
        name = f"attempt-{self.reader.number}.diff"
        if trouble := pager.page(patch_words.as_text(reader), name, self.app.suspend):
            self.notify(trouble, severity="warning", timeout=5)

    # reviewing

    async def action_note(self) -> None:
        """Note something on the line under the cursor, or change what was noted."""
        line = self.view.line
        place = place_of(self.view.patch, line) if line is not None else None
        if place is None:
            self.notify("there is no line to note something on", timeout=3)
        else:
            await self.app.push_screen(dialogs.NoteDialog(self.notes, place))

    async def action_act(self, verb: Verb) -> None:
        """Approve or reject the attempt that is shown; everything else is done to the subtask."""
        verdicts: dict[Verb, review.Verdict] = {"approve": "accept", "reject": "reject"}
        if verb in verdicts:
            await self._judge(verdicts[verb])
        else:
            await super().action_act(verb)

    async def _judge(self, verdict: review.Verdict) -> None:
        if self.reader.known is None or self.reader.number is None:
            self.notify("its attempts are not known yet", timeout=3)
            return
        unknown, left_out = patch_words.looked(self.shown)
        if self.shown is not None and not self.view.draws(self.shown.patch):
            unknown = unknown or "it is not drawn yet"
        looked = review.Looked(self.reader.known, self.reader.number, unknown, left_out)
        await self.app.push_screen(dialogs.ReviewDialog(self.subject(), verdict, looked, self.notes))

    def copied(self) -> str | None:
        return plain(review.commit_of(self.reader.attempt)) or self.thread
