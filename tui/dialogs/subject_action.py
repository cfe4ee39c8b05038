"""Acts on the row under the cursor: one dialog for all verbs, about the row it was opened for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import Call, calls, task_records
from tui.dialogs.base import Dialog
from tui.dialogs.say import SayDialog
from tui.model import subject_actions
from tui.model.glyphs import Tone
from tui.model.request_state import Stage
from tui.model.subject import Subject, namespace_of, short_label, task_label
from tui.model.subject_actions import SUBJECT_ACTIONS, Verb
from tui.widgets.field import Field, entry

_ANSWERS: Final[dict[Verb, str]] = {"admit": "accept", "refuse": "reject"}
_SCOPES: Final[dict[Verb, str]] = {
    "drain": "fleet:write",
    "undrain": "fleet:write",
    "retry": "threads:write",
}


def acting(verb: Verb, subject: Subject, text: str = "") -> Dialog:
    """The dialog for a verb. `text`: what is to be said."""
    return SayDialog(subject, text) if verb == "say" else SubjectActionDialog(verb, subject)


class SubjectActionDialog(Dialog):
    """Asks about one verb on one subject. A subtask's attempt is fixed when it opens."""

    def __init__(self, verb: Verb, subject: Subject) -> None:
        super().__init__()
        self.verb, self.subject = verb, subject
        self.what = SUBJECT_ACTIONS[verb]
        self.button, self.letter, self.danger = self.what.button, self.what.letter, self.what.danger
        self.needs = scope_of(verb)
        self._attempt: task_records.Attempt | None = None
        self._number = 0

    def on_mount(self) -> None:
        self._number = subject_actions.attempt_number(self.world, self.subject)
        self._attempt = subject_actions.attempt_of(
            self.world, self.subject, namespace_of(self.world, self.subject)
        )
        super().on_mount()

    def title_words(self) -> str:
        return f"{self.what.title} {short_label(self.world, self.subject)}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        facts: list[tuple[str, Tone]] = [
            (words, "strong") for words in subject_actions.facts(self.verb, self.world, self.subject)
        ]
        if self.outcome.stage is Stage.DONE:
            return facts
        return [*facts, (self.what.warns, "warn" if self.danger else "plain")]

    def fields(self) -> Sequence[Widget]:
        if not self.what.field:
            return ()
        return (Field(self.what.field, "w", entry("words", "", "may be left out")),)

    @property
    def words(self) -> str:
        return self.query_one("#words", Input).value.strip() if self.what.field else ""

    def command(self) -> str:
        return subject_actions.command(self.verb, self.world, self.subject, self.words)

    def objection(self) -> str:
        number = subject_actions.attempt_number(self.world, self.subject)
        if self.what.of == "subtask" and number != self._number:
            return f"it moved on to attempt {number} since this was opened"
        return subject_actions.objection(self.verb, self.world, self.subject)

    async def act(self) -> str:
        name = task_label(self.world, self.subject)
        await self.ask(call_for(self.verb, self.subject, name, self.words, self.actor, self._attempt))
        return f"{short_label(self.world, self.subject)} {self.what.done}"


def scope_of(verb: Verb) -> str:
    """The scope that the daemon asks for."""
    return _SCOPES.get(verb, "records:write")


def call_for(
    verb: Verb, subject: Subject, name: str, words: str, actor: str, attempt: task_records.Attempt | None
) -> Call[Any]:
    """The request for a verb on a subject. `name` is that of its task: alias or thread; `attempt` is the one
    that a stop ends.
    """
    thread, index = subject.thread, subject.index
    signed: dict[str, Any] = {"actor": actor, "at": time.time()}
    if verb in ("drain", "undrain"):
        fields = {"state": "stop" if verb == "undrain" else "start", "instance": subject.did}
        fields |= {"reason": words} if words else {}
        return calls.drain({**fields, "actor": actor})
    if verb == "retry" and index is not None:
        return calls.retry(name, index, actor, words or None)
    if verb in _ANSWERS and index is not None:
        return calls.answer(name, index, _ANSWERS[verb], actor, words)
    if verb == "stop" and attempt is not None:
        return task_records.stop(attempt, words, **signed)
    if verb in task_records.VERDICTS:
        return task_records.judge(thread, verb, words, **signed)
    return task_records.step(thread, verb, words, **signed)
