"""Starts a fleet on this machine, for an operator who has none yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.widget import Widget
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.model.glyphs import Tone
from tui.model.request_state import NotDone, Stage
from tui.model.text import plain
from tui.widgets.field import Field, entry

MOST_WORKERS: Final = 16
_SHOWN: Final = 8


class StartDialog(Dialog):
    """Runs `spl fleet start` as a separate process and shows its output."""

    heading = "Start a fleet here"
    button = "Start"
    letter = "s"
    danger = False
    look = "look what runs: spl fleet list"

    def __init__(self) -> None:
        super().__init__()
        self._said: list[str] = []

    def fields(self) -> Sequence[Widget]:
        return (Field("workers", "w", entry("workers", "2")),)

    @property
    def number(self) -> int | None:
        text = self.query_one("#workers", Input).value.strip()
        return int(text) if text.isdecimal() and 1 <= int(text) <= MOST_WORKERS else None

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        home = self.session.target.home
        return [
            (f"A coordinator in {home} and workers beside it, as processes of this machine.", "plain"),
            ("They go on when the console is left; spl fleet stop --all ends them.", "muted"),
        ]

    def command(self) -> str:
        return f"spl fleet start --workers {self.number or 'N'}"

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [(plain(line), "muted") for line in self._said[-_SHOWN:]]

    def missing(self) -> str:
        return "" if self.number else "workers"

    def objection(self) -> str:
        if not self.session.fleet.here or not self.console.setup.program:
            return "only the fleet of this home can be started from here"
        if self.session.closed:
            return f"this console is read-only: {self.session.closed}"
        if self.world.link.at(self.console.clock()).is_live:
            return "it runs already"
        return "" if self.number else f"how many workers? from 1 to {MOST_WORKERS} (w)"

    def why_not(self, now: float) -> str:
        """It exists for when there is no connection: only its own objection greys it."""
        if self.outcome.stage is Stage.SENDING:
            return "it was begun"
        return "it was done" if self.outcome.stage is Stage.DONE else self.objection()

    async def act(self) -> str:
        words = [*self.console.setup.program, "fleet", "start", "--workers", str(self.number)]
        self._said = []
        try:
            status = await self.session.outside.runner.run(words, self._hear)
        except OSError as error:
            raise NotDone(f"cannot be started: {error}", f"in a shell: {self.command()}") from None
        if status != 0:
            told = "; ".join(self._said[-2:]) or f"exit status {status}"
            raise NotDone(f"it did not start: {told}", f"in a shell: {self.command()}")
        self.session.reconnect()
        return f"a fleet of {self.number} workers runs"

    def _hear(self, line: str) -> None:
        self._said.append(line)
        self.show()
