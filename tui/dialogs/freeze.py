"""`F` and `X`: freeze a namespace, or stop the whole fleet, after showing what that would affect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, cast

from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Input

from syncropel.client import calls
from syncropel.client.freeze_text import blast_lines, place
from syncropel.errors import SyncropelError
from syncropel.freeze_levels import (
    DEFAULT_GRACE_SECS,
    EMERGENCY,
    HARD,
    LEVELS,
    MEANINGS,
    SOFT,
    Level,
    kill_command,
)
from tui.dialogs.base import Dialog
from tui.model import unread
from tui.model.freezes import follow
from tui.model.glyphs import Tone
from tui.model.namespaces import completions, known_namespaces
from tui.model.request_state import Stage
from tui.model.text import duration, plain
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field, entry
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from syncropel.wire import BlastRadius

EMERGENCY_WORD: Final = "EMERGENCY"
FRESH_SECS: Final = 5.0
"""Age at which the blast radius is requested again."""


class FreezeDialog(Dialog):
    """The namespace is set when it opens; after that only the operator changes it."""

    button = "Freeze"
    letter = "f"
    needs = "fleet:write"
    freezes = True
    look = "look at the red banner, or ask: spl fleet status"

    def __init__(
        self,
        namespace: str,
        level: Level = SOFT,
        *,
        reason: str = "",
        grace: str = "",
        terminate: bool = False,
    ) -> None:
        super().__init__()
        self._begun = (reason, grace or f"{DEFAULT_GRACE_SECS:g}", "at once" if terminate else "no")
        self._namespace, self._level = namespace, level
        self._blast: BlastRadius | SyncropelError | None = None
        self._blast_of: tuple[str, str, bool] | None = None
        self._blast_at = 0.0
        self._asking = False
        self._record = ""
        self._seen = False
        self._registered: tuple[str, ...] = ()

    # input

    def fields(self) -> Sequence[Widget]:
        reason, grace, terminate = self._begun
        return (
            Field("level", "l", ChoiceRow(LEVELS, self._level, id="level")),
            Lines(id="means", classes="indented"),
            Field("namespace", "n", entry("namespace", self._namespace, "such as docs/v0.11")),
            Lines(id="known", classes="indented"),
            Field("grace", "g", entry("grace", grace, "seconds")),
            Field("reason", "r", entry("reason", reason, "why; others will read it")),
            Field("end what runs", "e", ChoiceRow(("no", "at once"), terminate, id="terminate")),
            Field("type to confirm", "c", entry("typed")),
        )

    def _value(self, name: str) -> str:
        found = self.query_one_optional(f"#{name}", Input)
        return found.value.strip() if found is not None else ""

    @property
    def level(self) -> Level:
        return cast(Level, self.query_one("#level", ChoiceRow).value)

    @property
    def namespace(self) -> str:
        """What is frozen; empty for an emergency, which covers everything."""
        return "" if self.level == EMERGENCY else self._value("namespace")

    @property
    def terminate(self) -> bool:
        return self.query_one("#terminate", ChoiceRow).value != "no"

    @property
    def grace(self) -> float | None:
        """Seconds; None for an invalid number."""
        try:
            secs = float(self._value("grace"))
        except ValueError:
            return None
        return secs if 0 <= secs <= 86_400 else None

    @property
    def word(self) -> str:
        """The word to type to confirm; empty when one key is enough."""
        if self.level == EMERGENCY:
            return EMERGENCY_WORD
        return "" if self.level == SOFT else self.namespace

    def missing(self) -> str:
        if self.level != EMERGENCY and not self.namespace:
            return "namespace"
        if self.level == HARD and self.grace is None:
            return "grace"
        if not self._value("reason"):
            return "reason"
        return "typed" if self.word and self._value("typed") != self.word else ""

    def objection(self) -> str:
        return {
            "namespace": "which namespace? (n)",
            "grace": "grace is seconds from 0 to 86400 (g)",
            "reason": "it needs a reason (r)",
            "typed": f"type {self.word} to confirm (c)",
        }.get(self.missing(), "")

    # content

    def title_words(self) -> str:
        return "Emergency stop" if self._level == EMERGENCY else "Freeze"

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        if self.outcome.stage is not Stage.DONE:
            return ()
        return [(f"{self.level} freeze of {place(self.namespace or '*')}", "strong")]

    def command(self) -> str:
        grace = DEFAULT_GRACE_SECS if self.grace is None else self.grace
        name = self.namespace or "NS"
        return kill_command(self.level, name, self._value("reason"), grace, self.terminate)

    def show(self) -> None:
        if not self.is_shown:
            return
        level = self.level
        self.button = "Stop the fleet" if level == EMERGENCY else "Freeze"
        self.query_one("#field-namespace").display = level != EMERGENCY
        self.query_one("#field-grace").display = level == HARD
        self.query_one("#field-typed").display = bool(self.word)
        typed = self.query_one("#typed", Input)
        typed.placeholder = self.word
        self.query_one("#means", Lines).show(self._spans([(MEANINGS[level], "muted")]))
        self._complete()
        super().show()
        self._look_around()

    def on_descendant_focus(self) -> None:
        self._complete()

    def on_descendant_blur(self) -> None:
        self._complete()

    def _complete(self) -> None:
        """Offer matching namespaces while one is typed."""
        known = known_namespaces(self.world, self._registered)
        field = self.query_one("#namespace", Input)
        found = completions(known, field.value)
        words = f"known: {'  '.join(found)}" if found and field.has_focus else ""
        self.query_one("#known", Lines).show(self._spans([(words, "muted")] if words else []))
        field.suggester = SuggestFromList(known)

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        if isinstance(self._blast, SyncropelError):
            return [(f"blast radius not known: {plain(self._blast.message)}", "warn")]
        link = self.world.link.at(now)
        if (self._blast is None or self._blast_of != self._wanted()) and not link.is_live:
            return [(f"blast radius {unread.lacking(link, self.glyphs)}", "warn")]
        if self._blast is None or self._blast_of != self._wanted():
            return [("blast radius: loading", "muted")] if self._wanted() else []
        age = f", {duration(now - self._blast_at)} ago" if now - self._blast_at >= 1 else ""
        first, *rest = blast_lines(self._blast)
        tones: list[Tone] = ["warn" if one.startswith("frozen already") else "plain" for one in rest]
        busy: Tone = "strong" if self._blast.in_flight or self._blast.pending else "good"
        head: list[tuple[str, Tone]] = [(f"Blast radius{age}:", "muted"), (f"  {plain(first)}", busy)]
        if self._is_unheard_of(self._blast):
            head.append((f"  nobody uses {self.namespace}: is it spelled right?", "warn"))
        return head + [(f"  {plain(line)}", tone) for line, tone in zip(rest, tones, strict=True)]

    def _is_unheard_of(self, blast: BlastRadius) -> bool:
        """Whether nothing is known in the namespace that was typed."""
        used = blast.fanouts or blast.open_tasks or blast.descendants
        known = known_namespaces(self.world, self._registered)
        return bool(self.namespace) and not used and self.namespace not in known

    # blast radius

    def on_mount(self) -> None:
        super().on_mount()
        self.ask_again()

    def ask_again(self) -> None:
        self.run_worker(self._learn_namespaces(), exit_on_error=False)

    async def _learn_namespaces(self) -> None:
        try:
            page = await self.ask(calls.namespaces())
        except SyncropelError:
            return  # completion is a convenience: namespaces in use are known anyway
        self._registered = tuple(one.namespace for one in page.data if one.state == "active")
        self.show()

    def _wanted(self) -> tuple[str, str, bool] | None:
        """The freeze whose blast radius is to be shown; None while it has no valid namespace."""
        if self.level != EMERGENCY and not self.namespace:
            return None
        return self.level, self.namespace, self.terminate

    def _look_around(self) -> None:
        """Request the blast radius when the freeze changed, and again when the answer is old. One request at
        a time.
        """
        now = self.console.clock()
        wanted = self._wanted()
        old = wanted != self._blast_of or now - self._blast_at >= FRESH_SECS
        live = self.world.link.at(now).is_live
        if wanted and old and live and not self._asking and self.outcome.stage is not Stage.DONE:
            self._asking = True
            self.run_worker(self._measure(wanted), exit_on_error=False)

    async def _measure(self, wanted: tuple[str, str, bool]) -> None:
        level, namespace, terminate = wanted
        try:
            self._blast = await self.ask(calls.blast(level, namespace or None, terminate))
        except SyncropelError as error:
            self._blast = error
        finally:
            self._asking = False
            self._blast_of, self._blast_at = wanted, self.console.clock()
        self.show()

    # the action

    async def act(self) -> str:
        level, namespace = self.level, self.namespace
        fields = {
            "level": level,
            "reason": self._value("reason"),
            "grace_secs": DEFAULT_GRACE_SECS if self.grace is None else self.grace,
            "terminate": self.terminate,
            "actor": self.actor,
        }
        if namespace:
            fields["namespace"] = namespace
        written = await self.ask(calls.freeze(fields))
        self._record = written.record
        return f"recorded as {written.record[:16]}"

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        freezes = self.world.status.freezes if self.world.status else []
        there = any(one.record == self._record for one in freezes)
        self._seen = self._seen or there
        if self._seen and not there:
            return [("it was lifted again, or made harder, by somebody", "warn")]
        return follow(self.world, self._record, now, self.glyphs)
