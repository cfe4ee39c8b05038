"""`c`: the fleets that this console knows, and the last known state of each."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.widget import Widget

from tui.dialogs.base import Dialog
from tui.model import contexts
from tui.model.glyphs import Tone
from tui.widgets.choice_list import ChoiceList


class ContextsDialog(Dialog):
    """Enter brings the selected fleet to the front. It sends nothing."""

    AUTO_FOCUS = "#contexts"
    heading = "Contexts"
    danger = False

    def fields(self) -> Sequence[Widget]:
        return (ChoiceList(self.session.fleet.name, id="contexts"),)

    @property
    def picked(self) -> str:
        return self.query_one("#contexts", ChoiceList).picked

    def show(self) -> None:
        if not self.is_mounted:
            return
        fleets, now = self.console.fleets, self.console.clock()
        lines = contexts.lines(fleets.all, fleets.seen, fleets.unseen, now, self.glyphs)
        self.query_one("#contexts", ChoiceList).show(lines)
        super().show()

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        return [("enter switches to another fleet; news of the others is still announced", "muted")]

    def command(self) -> str:
        return f"spl --context {self.picked} fleet status --live"

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        if not self.console.fleets.several:
            return [("another one: spl context add NAME --url https://… --token-stdin", "muted")]
        return ()

    @on(ChoiceList.Done)
    async def _chosen(self, event: ChoiceList.Done) -> None:
        event.stop().prevent_default()  # the base class would focus the button
        console, name = self.console, self.picked
        self.dismiss()
        console.call_next(console.fleet_screens.look_at, name)
