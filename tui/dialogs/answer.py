"""Answers what a running agent asks: shows exactly what would be done, and allows it once, or denies it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import question_calls
from syncropel.client.verify import shown_digest
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.dialogs.considered import ConsideredDialog
from tui.dialogs.subject_action import SubjectActionDialog
from tui.model import inbox, question
from tui.model.glyphs import Tone
from tui.model.inbox import Asked
from tui.model.request_state import Stage
from tui.model.text import plain
from tui.widgets.field import Field, entry
from tui.widgets.flat_button import FlatButton
from tui.widgets.lines import Lines, Span

if TYPE_CHECKING:
    from syncropel.wire import InboxItem, QuestionDetail


def answering(item: InboxItem) -> Dialog | None:
    """The dialog that answers what waits; None where there is nothing to answer."""
    if (asked := Asked.of(item)) is not None:
        return AnswerDialog(asked)
    return SubjectActionDialog("admit", inbox.subject(item)) if item.kind == "approval" else None


class AnswerDialog(ConsideredDialog):
    """About one question. An answer carries the digest of what was shown, and is only sent by a key that was
    typed after that was drawn.
    """

    needs = "agents:answer"
    look = "look whether it still waits: spl inbox"
    danger = False
    BINDINGS: ClassVar[list[BindingType]] = [("home", "to(0)", "its beginning"), ("end", "to(1)", "its end")]
    letter = "a"
    button = "Allow once"

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked
        self._detail: QuestionDetail | None = None
        self._trouble: SyncropelError | None = None
        self._verdict, self._changed = "allow", False
        self._seen: object = None
        self._laid: tuple[object, int] = (None, 0)
        self._reached = 0

    # reading

    def on_mount(self) -> None:
        self._seen = self.world.inbox
        super().on_mount()
        self.ask_again()

    def ask_again(self) -> None:
        self.run_worker(self._read(), name="question", group="question", exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        call = question_calls.question(self._asked.question, self._asked.thread)
        try:
            detail = await self.ask(call)
        except SyncropelError as error:
            self._trouble = error
        else:
            before, self._detail, self._trouble = self._detail, detail, None
            if before is None or before.digest != detail.digest:
                self._changed = before is not None
                self.drawn_anew()
        self.show()

    # content

    def title_words(self) -> str:
        detail = self._detail
        asks = "asks" if detail is None or detail.kind == "question" else "asks for permission"
        return f"{plain(self._asked.place)} {asks}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._detail is None:
            return [self._lacking()]
        at = self.world.moment(now)
        told = question.head_lines(self._detail, at)
        if self.outcome.stage is not Stage.DONE:  # afterwards, its outcome says it
            told.append(question.standing_line(self._detail, at, self.glyphs))
        if self._changed:
            told.append(("what it shows has changed since you opened this", "bad"))
        if self._trouble is not None:
            told.append((f"not known how it stands now: {plain(self._trouble.message)}", "warn"))
        return told

    def _lacking(self) -> tuple[str, Tone]:
        if self._trouble is not None:
            return f"{self.glyphs.sign('failed')} {plain(self._trouble.message)}", "bad"
        return "reading what it asks", "muted"

    def fields(self) -> Sequence[Widget]:
        return (
            Lines(id="shown"),
            Field("answer", "t", entry("answer", "", "in words")),
            Field("note", "d", entry("note", "", "to deny: why; its agent reads it; may be left out")),
        )

    def more_buttons(self) -> Sequence[FlatButton]:
        return (FlatButton("deny", "d", "Deny", "bad"), FlatButton("next", "n", "Next"))

    @property
    def is_question(self) -> bool:
        """Whether it is answered in words."""
        return self._detail is not None and self._detail.kind == "question"

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def command(self) -> str:
        if self._detail is None or question.hindrance(self._detail):
            return ""
        text, note = self._value("answer"), self._value("note")
        how = "deny" if note and not text else "text" if self.is_question else "allow"
        return question.command(self._asked, how, text, note)

    def show(self) -> None:
        if not self.is_shown:
            return
        if self.world.inbox is not self._seen:
            self._seen = self.world.inbox
            self.ask_again()
        self._show_question()
        super().show()
        self._show_more()

    def _show_question(self) -> None:
        """Lay out what would be done once, not each second: it may be thousands of lines."""
        laid = (self._detail, self.room)
        if laid != self._laid:
            self._laid, self._reached = laid, 0
            told = question.shown(self._detail, self.room) if self._detail is not None else []
            self.query_one("#shown", Lines).show([(Span(words, tone),) for words, tone in told])
        asks = self.is_question
        self.button, self.letter = ("Send the answer", "s") if asks else ("Allow once", "a")
        self.query_one("#button-do", FlatButton).letter = self.letter
        self.query_one("#dialog").border_title = Content(self.glyphs.text(self.title_words()))
        self.query_one("#field-answer").display = asks
        self.query_one("#field-note").display = self._detail is not None

    def _show_more(self) -> None:
        deny, after = self.query_one("#button-deny", FlatButton), self.query_one("#button-next", FlatButton)
        deny.display = self.outcome.may_ask
        deny.show("Deny", self._why_not_answered(self.console.clock()))
        following = self._next_asked()
        after.display = following is not None
        after.show(f"Next: {plain(following.place)}" if following is not None else "Next")

    # whether it may be answered

    def objection(self) -> str:
        if (why_not := self._hindrance()) or self._verdict == "deny":
            return why_not
        assert self._detail is not None
        if self._detail.shown is None:
            return "what it would do is not shown"
        if self.is_question:
            return "" if self._value("answer") else "type an answer first (t)"
        return "" if question.may_be_allowed(self._detail) else "its agent offers nothing that allows it once"

    def _hindrance(self) -> str:
        """Why it can be neither allowed nor denied."""
        if self._detail is None:
            return "what it asks is not known yet"
        if why_not := question.hindrance(self._detail):
            return why_not
        if self._detail.shown is not None and shown_digest(self._detail.shown) != self._detail.digest:
            return "what the daemon shows is not what its digest says"
        if self.drawn is None:
            return "it is not drawn yet"
        return "" if self._is_read else "read it to its end first (pgdn)"

    @property
    def _is_read(self) -> bool:
        """Whether the end of what would be done has been on the screen."""
        scroll, fields = self.query_one("#question", VerticalScroll), self.query_one("#fields")
        self._reached = max(self._reached, scroll.scroll_offset.y + scroll.size.height)
        end = fields.virtual_region.y + self.query_one("#shown").virtual_region.bottom
        return self._reached >= end

    def _why_not_answered(self, now: float) -> str:
        """Why it cannot be denied now; empty when it can."""
        verdict, self._verdict = self._verdict, "deny"
        try:
            return self.why_not(now)
        finally:
            self._verdict = verdict

    # answering

    def do(self) -> None:
        self._answer("allow")

    def pressed(self, button: FlatButton) -> None:
        if button.id == "button-deny":
            self._answer("deny")
        else:
            self._go_on()

    def _answer(self, verdict: str) -> None:
        """Send it, unless the key was typed before what it answers could be read."""
        if self.is_hasty():
            return
        self._verdict = verdict
        super().do()

    async def act(self) -> str:
        detail, denies = self._detail, self._verdict == "deny"
        assert detail is not None
        in_words = self.is_question and not denies
        call = question_calls.answer_question(
            detail.id,
            detail.digest,
            self.actor,
            verdict=None if in_words else self._verdict,
            text=self._value("answer") if in_words else None,
            note=self._value("note"),
        )
        try:
            posted = await self.ask(call)
        finally:
            self.session.inbox.ask()
            self.ask_again()
        what = "denied" if denies else "answered" if in_words else "allowed once"
        return f"{what}: recorded as {posted.id[:16]}"

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        decision = self._detail.decision if self._detail is not None else None
        if decision is None:
            return [("waiting until its instance takes the answer", "busy")]
        return [question.decided(decision, self.glyphs)]

    # keys

    def action_scroll(self, by: int) -> None:
        """By a page: it may be long."""
        scroll = self.query_one("#question", VerticalScroll)
        scroll.scroll_relative(y=by * max(1, scroll.size.height - 1), animate=False)
        self.call_after_refresh(self.show)

    def action_to(self, end: int) -> None:
        """Scroll to the beginning, or to the end."""
        scroll = self.query_one("#question", VerticalScroll)
        scroll.scroll_to(y=scroll.max_scroll_y * end, animate=False)
        self.call_after_refresh(self.show)

    def by_letter(self, letter: str) -> bool:
        if letter == "n" and self._next_asked() is not None:
            self._go_on()
            return True
        return super().by_letter(letter)

    @on(Input.Submitted)
    def _done_typing(self, event: Input.Submitted) -> None:
        """Enter in the note goes to Deny, in the answer to Send; it sends nothing."""
        event.stop().prevent_default()
        self.set_focus(self.query_one("#button-deny" if event.input.id == "note" else "#button-do"))

    def _next_asked(self) -> Asked | None:
        """The question after this one among those that wait; after the last one the oldest."""
        asked = [one for one in map(Asked.of, self.world.inbox or ()) if one is not None]
        at = next((n for n, one in enumerate(asked) if one.question == self._asked.question), -1)
        others = asked[at + 1 :] + asked[: max(at, 0)]
        return next((one for one in others if one.question != self._asked.question), None)

    def _go_on(self) -> None:
        """Show the next question in place of this one."""
        if (following := self._next_asked()) is not None and self.app.screen is self:
            self.app.switch_screen(AnswerDialog(following))
