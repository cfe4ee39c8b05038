"""`R` on a task: rerun all its failed subtasks, after one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import calls
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model import retries
from tui.model.glyphs import Tone
from tui.model.request_state import Stage
from tui.model.subject import Subject, short_label, task_label
from tui.widgets.field import Field, entry

if TYPE_CHECKING:
    from syncropel.wire import ChildOut


class RetryFailedDialog(Dialog):
    """Covers the attempts that had failed when it opened; a subtask that has moved on since is left alone."""

    button = "Retry all"
    letter = "r"
    needs = "threads:write"

    def __init__(self, thread: str) -> None:
        super().__init__()
        self.subject = Subject(thread=thread)
        self._known: set[tuple[int, int]] = set()

    def on_mount(self) -> None:
        failed = retries.failed_of(self.world, self.subject.thread)
        self._known = {(one.index, one.attempt) for one in failed}
        super().on_mount()

    def _failed(self) -> list[ChildOut]:
        """The attempts that still have that state."""
        failed = retries.failed_of(self.world, self.subject.thread)
        return [one for one in failed if (one.index, one.attempt) in self._known]

    def title_words(self) -> str:
        return f"Retry what failed of {short_label(self.world, self.subject)}"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.outcome.stage is Stage.DONE or not (failed := self._failed()):
            return ()
        return (
            (retries.tally(failed), "strong"),
            ("Each runs again as its next attempt, and what waits for it may go on.", "warn"),
        )

    def fields(self) -> Sequence[Widget]:
        return (Field("hint", "w", entry("words", "", "may be left out")),)

    @property
    def _hint(self) -> str:
        return self.query_one("#words", Input).value.strip()

    def command(self) -> str:
        failed = self._failed()
        return retries.command(task_label(self.world, self.subject), failed, self._hint) if failed else ""

    def objection(self) -> str:
        return "" if self._failed() else "none of them is as it was when this was opened"

    async def act(self) -> str:
        name, hint, failed = task_label(self.world, self.subject), self._hint or None, self._failed()
        for sent, one in enumerate(failed):
            try:
                await self.ask(calls.retry(name, one.index, self.actor, hint))
            except SyncropelError as error:
                error.message = f"[{one.index}], after {sent} of {len(failed)}: {error.message}"
                raise
            self._known.discard((one.index, one.attempt))
        numbers = " ".join(f"[{one.index}]" for one in failed)
        return f"{numbers} of {short_label(self.world, self.subject)} will run again"
