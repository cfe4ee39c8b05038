"""`U` and `L`: lift one of the freezes in force; and the list of all of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widget import Widget
from textual.widgets import Input

from syncropel import wire as schema
from syncropel.client import calls
from syncropel.freeze_levels import EVERYWHERE, unkill_command
from tui.dialogs.base import Dialog
from tui.model import unread
from tui.model.freezes import details, row, where, worst_first
from tui.model.glyphs import Tone
from tui.model.link import word
from tui.model.request_state import Stage
from tui.model.text import duration
from tui.widgets.choice_list import ChoiceList
from tui.widgets.field import Field, entry


class FreezesDialog(Dialog):
    """`L`: every freeze in force, with details of the selected one."""

    heading = "Freezes"
    danger = False

    def __init__(self, picked: str = "") -> None:
        super().__init__()
        self._start, self._known = picked, dict[str, schema.FreezeOut]()

    def fields(self) -> Sequence[Widget]:
        return (ChoiceList(self._start, id="freezes"),)

    @property
    def picked(self) -> schema.FreezeOut | None:
        """The selected freeze, as last known."""
        return self._known.get(self.query_one("#freezes", ChoiceList).picked)

    @property
    def is_gone(self) -> bool:
        return self.query_one("#freezes", ChoiceList).is_gone

    def show(self) -> None:
        if not self.is_shown:
            return
        status, at = self.world.status, self.world.moment(self.console.clock())
        freezes = worst_first(status) if status else []
        self._known |= {one.record: one for one in freezes}
        self.query_one("#freezes", ChoiceList).show([(one.record, row(one, at)) for one in freezes])
        super().show()

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.world.status is None:
            words = unread.lacking(self.world.link.at(now), self.glyphs)
            return [(f"whether anything is frozen is {words}", "warn")]
        count, link = len(self.world.status.freezes), self.world.link.at(now)
        old: list[tuple[str, Tone]] = []
        if not link.is_live:
            old = [
                (
                    f"the connection is {word(link, self.glyphs)}: so it was {duration(link.age(now))} ago",
                    "warn",
                )
            ]
        if not count:
            return [*old, ("nothing is frozen", "plain" if old else "good")]
        return [*old, (f"{count} {'freeze is' if count == 1 else 'freezes are'} in force", "strong")]

    def command(self) -> str:
        return unkill_command(self.picked.namespace or EVERYWHERE) if self.picked else ""

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.picked is None:
            return ()
        gone: list[tuple[str, Tone]] = [("it is not in force any more", "warn")] if self.is_gone else []
        return [*gone, *details(self.picked, self.world.moment(now), self.glyphs)]


class UnfreezeDialog(FreezesDialog):
    """`U`: a separate verb, never a toggle. Lifts exactly the selected freeze."""

    heading = "Unfreeze"
    button = "Unfreeze"
    letter = "u"
    danger = True
    needs = "fleet:write"
    freezes = True
    look = "look at the red banner, or ask: spl fleet status"

    def fields(self) -> Sequence[Widget]:
        return (
            *super().fields(),
            Field("reason", "r", entry("reason", "", "why it is over; may be left out")),
        )

    def command(self) -> str:
        reason = self.query_one("#reason", Input).value.strip()
        return unkill_command(self.picked.namespace or EVERYWHERE, reason) if self.picked else ""

    def objection(self) -> str:
        if self.picked is None:
            return "nothing is frozen" if self.world.status else "it is not known what is frozen"
        return "somebody lifted it, or made it harder" if self.is_gone else ""

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.outcome.stage is Stage.DONE:
            return ()
        return super().says(now)

    async def act(self) -> str:
        freeze = self.picked
        assert freeze is not None
        namespace = None if freeze.level == "emergency" else freeze.namespace
        reason = self.query_one("#reason", Input).value.strip()
        await self.ask(calls.unfreeze(self.actor, namespace, reason))
        return f"the {freeze.level} freeze of {where(freeze)} is lifted"

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        freezes = self.world.status.freezes if self.world.status else []
        if not self.is_gone:
            return [("waiting for the fleet's answer", "busy")]
        held: tuple[str, Tone] = ("what it held goes on by itself", "good")
        others: list[tuple[str, Tone]] = [
            (f"still frozen: {one.level}: {where(one)}", "warn") for one in freezes
        ]
        return [held, *others] if others else [held, ("nothing is frozen any more", "good")]
