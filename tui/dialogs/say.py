"""`H`: says something to a running agent, and follows what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import question_calls
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model import said, subject_actions
from tui.model.glyphs import Tone
from tui.model.subject import Subject, short_label, task_label
from tui.model.text import plain
from tui.widgets.field import Field, entry

if TYPE_CHECKING:
    from syncropel.wire import MessageOut

_EARLIER: Final = 4
"""So many earlier messages are shown, the last ones."""


class SayDialog(Dialog):
    """About one subtask, in the attempt that ran when it opened. What was said stays in view until it is
    answered.
    """

    AUTO_FOCUS = "#text"
    button, letter, danger = "Say it", "s", False
    needs = "agents:say"
    look = "look whether it was recorded: spl task say NAME --list"

    def __init__(self, subject: Subject, text: str = "") -> None:
        super().__init__()
        self.subject, self._given = subject, text
        self._number = 0
        self._said: list[MessageOut] | None = None
        self._trouble: SyncropelError | None = None
        self._record, self._revision = "", -1

    # reading

    def on_mount(self) -> None:
        self._number = subject_actions.attempt_number(self.world, self.subject)
        super().on_mount()

    def ask_again(self) -> None:
        self._revision = -1

    def show(self) -> None:
        if not self.is_shown:
            return
        status = self.world.status
        if status is not None and status.tasks_revision != self._revision:
            self._revision = status.tasks_revision
            self._look()
        super().show()

    def _look(self) -> None:
        self.run_worker(self._read(), name="said", group="said", exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        try:
            page = await self.ask(question_calls.messages(self.subject.thread, self.subject.index))
        except SyncropelError as error:
            self._trouble = error
        else:
            self._said, self._trouble = page.data, None
        self.show()

    # content

    def title_words(self) -> str:
        return f"Say something to {short_label(self.world, self.subject)}"

    @property
    def _text(self) -> str:
        return self.query_one("#text", Input).value.strip()

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        told: list[tuple[str, Tone]] = [
            (words, "strong") for words in subject_actions.facts("say", self.world, self.subject)
        ]
        told.append((subject_actions.SUBJECT_ACTIONS["say"].warns, "plain"))
        if self._trouble is not None:
            told.append((f"not known what was said before: {plain(self._trouble.message)}", "warn"))
        earlier = [one for one in self._said or () if one.id != self._record]
        return [*told, *(said.message_line(one, self.glyphs) for one in earlier[-_EARLIER:])]

    def fields(self) -> Sequence[Widget]:
        return (Field("message", "t", entry("text", self._given, "what its agent is to hear")),)

    def command(self) -> str:
        name, index = task_label(self.world, self.subject), self.subject.index
        return said.say_command(name, index or 0, self._text)

    def missing(self) -> str:
        return "" if self._text else "text"

    def objection(self) -> str:
        number = subject_actions.attempt_number(self.world, self.subject)
        if number != self._number:
            return f"it moved on to attempt {number} since this was opened"
        if why_not := subject_actions.objection("say", self.world, self.subject):
            return why_not
        return "" if self._text else "type a message first (t)"

    # the action

    async def act(self) -> str:
        assert self.subject.index is not None
        call = question_calls.say(self.subject.thread, self.subject.index, self._text, self.actor)
        posted = await self.ask(call)
        self._record = posted.id
        self._look()
        return f"recorded as {posted.id[:16]}"

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        mine = next((one for one in self._said or () if one.id == self._record), None)
        if mine is None:
            return [("what becomes of it is being read", "muted")]
        return [said.message_line(mine, self.glyphs)]
