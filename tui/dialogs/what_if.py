"""`w`: when this fan-out would have joined with another predicate. It only asks and changes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import explain_calls
from syncropel.errors import SyncropelError
from syncropel.wire.joins import SHORTHANDS
from tui.dialogs.base import Dialog
from tui.model.glyphs import Tone
from tui.model.what_if import failed_lines, what_if_lines
from tui.widgets.field import Field, entry

if TYPE_CHECKING:
    from syncropel.wire.explain import WhatIf

PAUSE_SECS: Final = 0.15
"""Pause in typing before the question is sent."""
_AROUND: Final = 21
"""Lines of the dialog other than bars: frame, question, sentence, heads, `+N more`, axis, command, keys."""


class WhatIfDialog(Dialog):
    """About this task's fan-out, by alias or thread; `join` is the initial predicate."""

    AUTO_FOCUS = "#join"
    heading = "What if"
    danger = False

    def __init__(self, name: str, join: str) -> None:
        super().__init__()
        self.task_name, self.predicate = name, join
        self._answer: WhatIf | SyncropelError | None = None

    def title_words(self) -> str:
        return f"What if {self.task_name} had another join"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [(f"{SHORTHANDS}, or an expression over children", "muted")]

    def fields(self) -> Sequence[Widget]:
        return [Field("join", "", entry("join", self.predicate))]

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._answer is None:
            return [("asking" if self.predicate else "type a predicate", "muted")]
        if isinstance(self._answer, SyncropelError):
            return failed_lines(self._answer)
        return what_if_lines(self._answer, self.room, self._most_bars(), self.glyphs)

    def _most_bars(self) -> int:
        """How many subtasks fit in both timelines with everything around them."""
        return max(2, (self.console.size.height - _AROUND - self.air) // 2)

    def command(self) -> str:
        return shlex.join(["spl", "task", "what-if", self.task_name, "--join", self.predicate])

    def on_mount(self) -> None:
        super().on_mount()
        self._again()

    @on(Input.Changed, "#join")
    def _typed(self, event: Input.Changed) -> None:
        if event.value.strip() != self.predicate:
            self.predicate = event.value.strip()
            self._again()

    def ask_again(self) -> None:
        if isinstance(self._answer, SyncropelError):
            self._again()

    def _again(self) -> None:
        self._answer = None
        if self.predicate:
            self.run_worker(self._ask(), group="what-if", exclusive=True, exit_on_error=False)
        else:
            self.workers.cancel_group(self, "what-if")

    async def _ask(self) -> None:
        await self.session.outside.sleep(PAUSE_SECS)
        asked = self.predicate
        answer: WhatIf | SyncropelError
        try:
            answer = await self.ask(explain_calls.what_if(self.task_name, asked))
        except SyncropelError as error:
            answer = error
        if asked == self.predicate:
            self._answer = answer
            self.show()
