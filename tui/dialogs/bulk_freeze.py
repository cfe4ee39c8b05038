"""`F` on marked rows: freeze the namespaces of all of them, and of nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import calls
from syncropel.errors import SyncropelError
from syncropel.freeze_levels import DEFAULT_GRACE_SECS, HARD, MEANINGS, SOFT, Level
from tui.connection.bulk_run import WIDTH, Seen
from tui.dialogs.bulk import BulkDialog
from tui.dialogs.freeze import FRESH_SECS
from tui.model import bulk_freezes
from tui.model.bulk import many
from tui.model.bulk_steps import Listed
from tui.model.freezes import reached
from tui.model.glyphs import Tone
from tui.model.marks import Marks
from tui.model.text import plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field, entry
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from syncropel.wire import BlastRadius

_LEVELS: Final = (SOFT, HARD)
"""An emergency is about the whole fleet, and not about what is marked."""


class BulkFreezeDialog(BulkDialog):
    """One freeze for each namespace, all of the same level. The namespaces are fixed when it opens."""

    button, letter = "Freeze", "f"
    needs = "fleet:write"
    look = "look at the red banner, or ask: spl fleet status"
    past = "frozen"
    freezes = True

    def __init__(self, marks: Marks) -> None:
        super().__init__(marks)
        self._spaces = bulk_freezes.spaces_of(marks.all, self.world)
        self._blasts: dict[str, BlastRadius | str] = {}
        self._blasts_of: tuple[Level, bool] | None = None
        self._blasts_at = 0.0
        self._records: dict[str, str] = {}
        self._asking = False
        self._fields: dict[str, Any] = {}
        """What is sent for each, besides its namespace."""

    # input

    def own_fields(self) -> Sequence[Widget]:
        return (
            Field("level", "l", ChoiceRow(_LEVELS, SOFT, id="level")),
            Lines(id="means", classes="indented"),
            Field("grace", "g", entry("grace", f"{DEFAULT_GRACE_SECS:g}", "seconds")),
            Field("reason", "r", entry("reason", "", "why; others will read it")),
            Field("end what runs", "e", ChoiceRow(("no", "at once"), "no", id="terminate")),
        )

    @property
    def level(self) -> Level:
        return cast(Level, self.query_one("#level", ChoiceRow).value)

    @property
    def terminate(self) -> bool:
        return self.query_one("#terminate", ChoiceRow).value != "no"

    @property
    def grace(self) -> float | None:
        """Seconds; None for an invalid number."""
        try:
            secs = float(self.query_one("#grace", Input).value)
        except ValueError:
            return None
        return secs if 0 <= secs <= 86_400 else None

    @property
    def reason(self) -> str:
        return self.query_one("#reason", Input).value.strip()

    @property
    def is_typed(self) -> bool:
        return self.level == HARD or super().is_typed

    def missing(self) -> str:
        if self.level == HARD and self.grace is None:
            return "grace"
        return super().missing() if self.reason else "reason"

    def mistake(self) -> str:
        if self.level == HARD and self.grace is None:
            return "grace is seconds from 0 to 86400 (g)"
        return "" if self.reason else "it needs a reason (r)"

    # content

    def title_words(self) -> str:
        return f"Freeze {many(len([one for one in self._spaces if one]), 'namespace')}"

    def listed(self) -> Sequence[Listed]:
        return bulk_freezes.listed(self._spaces, self._blasts)

    def radius(self, now: float) -> Sequence[tuple[str, Tone]]:
        return bulk_freezes.radius([one for one in self._spaces if one], self._blasts)

    def commands(self) -> str:
        grace = DEFAULT_GRACE_SECS if self.grace is None else self.grace
        return bulk_freezes.commands(
            self.level, list(self._spaces), self.reason, grace, terminate=self.terminate
        )

    def show(self) -> None:
        if not self.is_shown:
            return
        self.button = self.title_words()
        means = self.query_one("#means", Lines)
        means.show(self._spans([(MEANINGS[self.level], "muted")]) if self._run is None else [])
        self._look_around()
        super().show()
        self.query_one("#field-grace").display = self.level == HARD and self._run is None

    # blast radius

    def read_again(self) -> None:
        self._blasts_of = None

    def _look_around(self) -> None:
        """Measure each when the freeze has another level, and again when that is old."""
        now, wanted = self.console.clock(), (self.level, self.terminate)
        if wanted != self._blasts_of:
            self._blasts = {}
        old = wanted != self._blasts_of or now - self._blasts_at >= FRESH_SECS * max(
            1, len(self._spaces) / WIDTH
        )
        if self._run is None and old and not self._asking and self.world.link.at(now).is_live:
            self._asking, self._blasts_of = True, wanted
            self.run_worker(self._measure(wanted), exit_on_error=False)

    async def _measure(self, wanted: tuple[Level, bool]) -> None:
        waiting = iter([one for one in self._spaces if one])
        found: dict[str, BlastRadius | str] = {}

        async def measure() -> None:
            for space in waiting:
                try:
                    found[space] = await self.ask(calls.blast(wanted[0], space, wanted[1]))
                except SyncropelError as error:
                    found[space] = f"not known: {plain(error.message)}"

        try:
            await asyncio.gather(*(measure() for _ in range(WIDTH)))
        finally:
            self._asking, self._blasts_at = False, self.console.clock()
        if wanted == self._blasts_of:
            self._blasts = found
        self.show()

    # acting

    def rows_of(self, key: str) -> Sequence[str]:
        return [one.key for one in self._spaces[key]]

    def judge(self, key: str) -> str:
        return "" if key else "what is marked is in no namespace"

    async def act(self) -> str:
        grace = DEFAULT_GRACE_SECS if self.grace is None else self.grace
        self._fields = {
            "level": self.level,
            "reason": self.reason,
            "grace_secs": grace,
            "terminate": self.terminate,
            "actor": self.actor,
        }
        return await super().act()

    async def send(self, key: str) -> None:
        written = await self.ask(calls.freeze({**self._fields, "namespace": key}))
        self._records[key] = written.record

    async def read_back(self, keys: Sequence[str]) -> Mapping[str, Seen]:
        status = await self.ask(calls.fleet_status())
        found = {one.record: one for one in status.freezes}
        by_space = {(one.namespace, one.level): one for one in status.freezes}
        seen = {}
        for key in keys:
            one = found.get(self._records.get(key, "")) or by_space.get((key, self._fields["level"]))
            seen[key] = Seen(one is not None, reached(one) if one is not None else "not frozen")
        return seen
