"""The keys of one screen."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tui import actions
from tui.actions import Action
from tui.model.asking import hindrance
from tui.model.glyphs import Tone
from tui.screens.base import ConsoleScreen
from tui.widgets.lines import Lines, Span, Spans

_WIDTH: Final = 56  # of the widest description, so that it fits on 80 columns
_RISKS: Final = {"danger": "!", "change": "*"}


class HelpScreen(ModalScreen[None]):
    """`?`: made from the action table, so that it cannot forget a key."""

    BINDINGS = [("question_mark,escape,q", "dismiss", "close")]  # noqa: RUF012 - Textual's way

    def __init__(self, screen: ConsoleScreen) -> None:
        super().__init__()
        self._of = screen

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Lines(id="keys")

    def on_mount(self) -> None:
        self.query_one("#help").border_title = f"Keys: {self._of.name_.capitalize()}"
        self.query_one("#help").border_subtitle = "esc closes"
        self.query_one("#keys", Lines).show(self.lines())

    def lines(self) -> list[Spans]:
        known = self._of.actions()
        moves = [one for one in known if one in actions.MOVES]
        changing = [one for one in known if one.changes]
        everywhere = [one for one in known if one in actions.APP]
        here = [one for one in known if one not in (*moves, *changing, *everywhere)]
        lines = [
            *self._group("This screen", [*(self._told(one) for one in here), *self._pairs(moves)]),
            *self._filter(),
            *self._group("Everywhere", [self._told(one) for one in everywhere]),
        ]
        if changing:
            lines += self._group("Changes the fleet, and asks first", [self._told(one) for one in changing])
            lines.append((Span(" " * 10 + "! stops or loses work   * changes the fleet", "muted"),))
        if self._of.console.keymap.changed:
            lines.append((Span(" " * 10 + "keys as in [console.keys] of the settings", "muted"),))
        return lines

    def _group(self, title: str, rows: Sequence[Spans]) -> list[Spans]:
        return [(Span(f" {title}", "cold"),), *rows] if rows else []

    def _told(self, one: Action) -> Spans:
        console, session = self._of.console, self._of.session
        now = console.clock()
        greyed = one.changes and hindrance(session.closed, session.world.link.at(now), now, console.glyphs)
        tones: tuple[Tone, Tone] = ("muted", "muted") if greyed else ("strong", "plain")
        keys = console.keymap.shown(one)
        risk = _RISKS.get(one.risk, " ")
        twin = f"  {one.cli}" if one.cli else ""
        return (
            Span(f"{keys:>12} ", tones[0]),
            Span(f"{risk} ", "warn"),
            Span(one.description, tones[1]),
            Span(twin, "muted"),
        )

    def _pairs(self, moves: Sequence[Action]) -> list[Spans]:
        """The two directions of a movement share a line."""
        shown = self._of.console.keymap.shown
        return [
            (
                Span(f"{shown(one)} {shown(other)}".rjust(12) + "   ", "strong"),
                Span(f"{one.description}, {other.description}"),
            )
            for one, other in zip(moves[::2], moves[1::2], strict=True)
        ]

    def _filter(self) -> list[Spans]:
        if not self._of.fields:
            return []
        fields = wrap(" ".join(self._of.fields), _WIDTH)
        return [
            (Span("      filter   ", "strong"), Span("words, !inverse, field:value; all must hold")),
            *((Span(" " * 15), Span(part, "muted")) for part in fields),
        ]
