"""`a`: everything that needs the operator, the most urgent first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from textual import on
from textual.widget import Widget

from tui.dialogs.base import Dialog
from tui.model import attention
from tui.model.attention import Need
from tui.model.glyphs import Tone
from tui.model.text import count
from tui.widgets.choice_list import ChoiceList


class NeedsDialog(Dialog):
    """Enter goes to the selected one: `go` takes it and the time. It sends nothing. `picked` is the identity
    of the one to begin with.
    """

    AUTO_FOCUS = "#needs"
    heading = "Needs you"
    danger = False

    def __init__(self, go: Callable[[Need, float], Awaitable[None]], picked: str = "") -> None:
        super().__init__()
        self._go, self._picked = go, picked
        self._needs: tuple[Need, ...] = ()

    def fields(self) -> Sequence[Widget]:
        return (ChoiceList(id="needs"),)

    def show(self) -> None:
        if self.is_shown:
            choices = self.query_one("#needs", ChoiceList)
            self._needs = attention.needs(self.world)
            lines = attention.lines(self._needs, self.world.moment(self.console.clock()), self.glyphs)
            if not choices.picked and any(key == self._picked for key, _ in lines):
                choices.picked = self._picked
            choices.show(lines)
        super().show()

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        unknown = attention.unknown(self.world, now)
        told = (
            f"{count(len(self._needs))} in all, the most urgent first" if self._needs else "nothing needs you"
        )
        lines: list[tuple[str, Tone]] = [(told, "plain")] if self._needs or not unknown else []
        return [*lines, *([(f"{self.glyphs.sign('unknown')} {unknown}", "warn")] if unknown else [])]  # type: ignore[list-item]

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        need = self._chosen()
        if need is None:
            return [("it is over", "muted")] if self._needs else ()
        return [(f"enter goes there; then {need.helps(self.console.keymap)}", "muted")]

    def command(self) -> str:
        return "spl fleet status --check"

    def _chosen(self) -> Need | None:
        picked = self.query_one("#needs", ChoiceList).picked
        return next((one for one in self._needs if one.key == picked), None)

    @on(ChoiceList.Done)
    def _done(self, event: ChoiceList.Done) -> None:
        event.stop().prevent_default()  # the base class would focus the button
        if (need := self._chosen()) is not None:
            self.dismiss()
            self.console.call_next(self._go, need, self.console.clock())
