"""The plainest dialog there can be, to try what all dialogs do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from syncropel.client import Call
from tui.dialogs.base import Dialog
from tui.model.glyphs import Tone


@dataclass(frozen=True)
class Question:
    """What `ConfirmDialog` asks. `make` gives the call, `done` the words once it was taken.

    `objection` is asked again whenever something changes: why it cannot be done, empty when it can.
    """

    title: str
    button: str
    lines: tuple[tuple[str, Tone], ...]
    command: str
    make: Callable[[], Call[Any]]
    done: str
    letter: str = "y"
    danger: bool = True
    objection: Callable[[], str] = lambda: ""


class ConfirmDialog(Dialog):
    """Asks one `Question` and sends its call."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self.button, self.letter, self.danger = question.button, question.letter, question.danger

    def title_words(self) -> str:
        return self.question.title

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return self.question.lines

    def command(self) -> str:
        return self.question.command

    def objection(self) -> str:
        return self.question.objection()

    async def act(self) -> str:
        await self.ask(self.question.make())
        return self.question.done
