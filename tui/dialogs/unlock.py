"""`W`: allow changes to a fleet that was opened read-only, for a while, after typing its name."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget
from textual.widgets import Input

from tui.dialogs.base import Dialog
from tui.model.access import UNLOCKED_SECS
from tui.model.glyphs import Tone
from tui.model.request_state import Stage
from tui.model.text import duration
from tui.widgets.field import Field, entry


class UnlockDialog(Dialog):
    """Changes only this console. It asks no daemon, so it works while the daemon is away."""

    heading = "Unlock"
    button = "Unlock"
    letter = "u"

    def __init__(self) -> None:
        super().__init__()
        self._why = ""

    def on_mount(self) -> None:
        self._why = self.session.closed
        super().on_mount()

    @property
    def name_(self) -> str:
        return self.session.fleet.name

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [
            (f"{self.name_} ({self.session.target.name}) is read-only: {self._why}", "plain"),
            (f"Unlocked, it can be changed from this console for {duration(UNLOCKED_SECS)}.", "strong"),
            ("Other consoles and other fleets stay as they are; the same key locks it again.", "muted"),
        ]

    def fields(self) -> Sequence[Widget]:
        return (Field("type its name", "c", entry("typed", "", self.name_)),)

    def missing(self) -> str:
        return "" if self.query_one("#typed", Input).value.strip() == self.name_ else "typed"

    def objection(self) -> str:
        if barred := self.session.access.barred():
            return barred
        return f"type {self.name_} to confirm (c)" if self.missing() else ""

    def why_not(self, now: float) -> str:
        """It exists for read-only fleets and asks no daemon: only its own objection greys it."""
        return "it was done" if self.outcome.stage is Stage.DONE else self.objection()

    async def act(self) -> str:
        self.session.unlock()
        return f"{self.name_} can be changed from here for {duration(UNLOCKED_SECS)}"
