"""Why a task has its present status, in a sentence, with the records that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from syncropel.client import explain_calls
from syncropel.errors import SyncropelError
from tui.dialogs.base import Dialog
from tui.model.glyphs import Tone
from tui.model.text import plain

if TYPE_CHECKING:
    from syncropel.wire.explain import TaskWhy


class WhyDialog(Dialog):
    """Asks once, when it opens; the answer stays as of then."""

    heading = "Why"
    danger = False

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_of_task = name
        self._told: TaskWhy | None = None
        self._trouble: SyncropelError | None = None

    def title_words(self) -> str:
        return f"Why · {self.name_of_task}"

    def command(self) -> str:
        return f"spl why {self.name_of_task}"

    def on_mount(self) -> None:
        super().on_mount()
        self.ask_again()

    def ask_again(self) -> None:
        if self._told is None:
            self._trouble = None
            self.run_worker(self._read(), name="why", group="why", exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        try:
            self._told = await self.ask(explain_calls.why(self.name_of_task))
        except SyncropelError as error:
            self._trouble = error
        self.show()

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self._trouble is not None:
            lines: list[tuple[str, Tone]] = [
                (f"{self.glyphs.sign('failed')} {plain(self._trouble.message)}", "bad")
            ]
            return [*lines, *self._hint(self._trouble.hint, "plain")]
        if self._told is None:
            return [("asking the daemon", "muted")]
        lines = [(plain(self._told.sentence), "strong"), *self._hint(self._told.hint, "warn")]
        lines += [("", "plain"), ("proved by", "muted")]
        return [*lines, *((f"{one.record[:12]}  {plain(one.shows)}", "plain") for one in self._told.proofs)]

    def _hint(self, hint: str, tone: Tone) -> list[tuple[str, Tone]]:
        return [(f"{self.glyphs.arrow} {plain(hint)}", tone)] if hint else []
