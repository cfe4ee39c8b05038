"""Approves an attempt, or rejects it with notes: the next attempt is told them. And the note on one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import review_calls
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.dialogs.considered import ConsideredDialog
from tui.model import review, review_words
from tui.model.glyphs import Tone
from tui.model.notes import Notes, Place
from tui.model.request_state import Stage
from tui.model.review import Looked, Verdict
from tui.model.subject import Subject, short_label, task_label
from tui.model.text import escaped, plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field, entry

if TYPE_CHECKING:
    from syncropel.wire import AttemptList, ReviewTaken

_NO, _YES = "no", "yes"


class NoteDialog(Dialog):
    """`n`: a note on one line, or on a file. It is a draft until a review is sent."""

    AUTO_FOCUS = "#note"
    button, letter, danger = "Keep the note", "s", False

    def __init__(self, notes: Notes, place: Place) -> None:
        super().__init__()
        self._notes, self._place = notes, place

    def title_words(self) -> str:
        return f"Note on {escaped(self._place.label)}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        lines: list[tuple[str, Tone]] = [(escaped(self._place.quote), "strong")] if self._place.quote else []
        return [
            *lines,
            ("It is sent when you approve or reject. Leave it empty to take it back.", "muted"),
        ]

    def fields(self) -> Sequence[Widget]:
        return (Field("note", "t", entry("note", self._notes.at(self._place), "what is wrong here")),)

    def objection(self) -> str:
        return review_words.too_long(self.query_one("#note", Input).value.strip())

    def hindered(self, now: float) -> str:
        return ""  # it is kept here, whatever the connection is

    async def act(self) -> str:
        raise NotImplementedError

    def do(self) -> None:
        if not self.objection():
            self._notes.put(self._place, self.query_one("#note", Input).value.strip())
            self.withdraw()


class ReviewDialog(ConsideredDialog):
    """About the attempt that was looked at, and its commit: a newer one is never judged by mistake."""

    needs = "tasks:review"
    look = "look whether it was recorded: spl task review NAME N"

    def __init__(self, subject: Subject, verdict: Verdict, looked: Looked, notes: Notes) -> None:
        super().__init__()
        self.subject, self._verdict, self._looked, self._notes = subject, verdict, looked, notes
        self.danger = verdict == "reject"
        self.button, self.letter = ("Reject", "x") if self.danger else ("Approve", "a")
        self._known: AttemptList = looked.known
        self._trouble: SyncropelError | None = None
        self._revision: object = None
        self._taken: ReviewTaken | None = None
        self._sent = ""
        """The command line of what was recorded: by then the notes are gone."""

    # reading

    def on_mount(self) -> None:
        super().on_mount()
        self.drawn_anew()

    def ask_again(self) -> None:
        self._revision = None

    def show(self) -> None:
        if not self.is_shown:
            return
        status = self.world.status
        if status is not None and status.tasks_revision != self._revision:
            self._revision = status.tasks_revision
            self.run_worker(
                self._read(), name="attempts", group="attempts", exclusive=True, exit_on_error=False
            )
        for field in self.query("#field-anyway"):
            field.display = bool(self._known.dependents)
        super().show()

    async def _read(self) -> None:
        try:
            self._known = await self.ask(review_calls.attempts(self.subject.thread, self.subject.index or 0))
            self._trouble = None
        except SyncropelError as error:
            self._trouble = error
        self.show()

    # content

    def title_words(self) -> str:
        return f"{self.button} {short_label(self.world, self.subject)}, attempt {self._looked.attempt}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        told = review_words.facts(self._looked, self._verdict, self.glyphs)
        if self.outcome.stage is not Stage.DONE and self._trouble is not None:
            told.append((f"not known how it stands now: {plain(self._trouble.message)}", "warn"))
        return told

    def fields(self) -> Sequence[Widget]:
        hint = "what the next attempt should know" if self.danger else "may be left out"
        text = Field("text", "t", entry("text", self._notes.text, hint))
        if not self.danger:
            return (text,)
        return (text, Field("although others use it", "w", ChoiceRow((_NO, _YES), _NO, id="anyway")))

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        told = review_words.note_lines(self._notes)
        if self.danger and self._known.dependents:
            told.append((review_words.dependents(self._known.dependents), "warn"))
        return told

    @property
    def _text(self) -> str:
        return self.query_one("#text", Input).value.strip()

    @property
    def _anyway(self) -> bool:
        return self.danger and self.query_one("#anyway", ChoiceRow).value == _YES

    def command(self) -> str:
        if self._sent:
            return self._sent
        name = task_label(self.world, self.subject)
        return review_words.command(
            name,
            self.subject.index or 0,
            self._verdict,
            self._looked,
            self._text,
            self._notes,
            anyway=self._anyway,
        )

    def objection(self) -> str:
        if why_not := review_words.objection(self._known, self._looked, self._verdict):
            return why_not
        if self.drawn is None:
            return "it is not drawn yet"
        if why_not := review_words.too_many(self._notes) or review_words.too_long(self._text):
            return why_not
        if not self.danger:
            return ""
        if not self._text and not len(self._notes):
            return "say why (t), or note it on a line (esc, n)"
        return "others use its result (w)" if self._known.dependents and not self._anyway else ""

    # the action

    def do(self) -> None:
        if not self.is_hasty():
            super().do()

    async def act(self) -> str:
        body = self._body()
        try:
            taken = await self.ask(review_calls.review(self.subject.thread, self.subject.index or 0, body))
        finally:
            self._revision = None
        self._taken, self._sent = taken, self.command()
        self._notes.clear()
        return review_words.done(taken)

    def _body(self) -> dict[str, Any]:
        looked = self._looked
        return {
            "actor": self.actor,
            "verdict": self._verdict,
            "attempt": looked.attempt,
            "commit": review.commit_of(review.attempt_of(looked.known, looked.attempt)),
            "text": self._text,
            "notes": [one.body() for one in self._notes.all()],
            "anyway": self._anyway,
        }

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        return review_words.told_next(self._taken) if self._taken is not None else ()

    def action_leave(self) -> None:
        """What was typed is kept with the notes."""
        if self.outcome.stage is not Stage.DONE:
            self._notes.text = self._text
        super().action_leave()
