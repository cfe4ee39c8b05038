"""The keys of one screen."""

from __future__ import annotations

from textwrap import wrap
from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from tui import actions
from tui.model.asking import hindrance
from tui.model.glyphs import Tone
from tui.screens.base import ConsoleScreen
from tui.widgets.lines import Lines, Span, Spans

_WIDTH: Final = 56  # of the widest description, so that it fits on 80 columns


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
        lines: list[Spans] = []
        console, session = self._of.console, self._of.session
        now = console.clock()
        why_not = hindrance(session.closed, session.world.link.at(now), now, console.glyphs)
        if why_not:
            lines.append((Span(f"   what changes the fleet is greyed: {why_not}", "warn"),))
        for keys, description, command, changes in _told(self._of.actions()):
            told = f"  {command}" if command else ""
            greyed = changes and bool(why_not)
            tones: tuple[Tone, Tone] = ("muted", "muted") if greyed else ("strong", "plain")
            lines.append((Span(f"{keys:>12}  ", tones[0]), Span(description, tones[1]), Span(told, "muted")))
        if self._of.fields:
            lines += [
                (),
                (Span("      filter  ", "strong"), Span("words, !inverse, field:value; all must hold")),
                *((Span(" " * 14), Span(part, "muted")) for part in wrap(" ".join(self._of.fields), _WIDTH)),
            ]
        return lines


def _told(known: list[actions.Action]) -> list[tuple[str, str, str, bool]]:
    """Keys, description, command, and whether it changes the fleet; two directions share a line."""
    moves = [one for one in known if one in actions.MOVES]
    told = [(one.shown_keys(), one.description, one.cli, one.changes) for one in known if one not in moves]
    pairs = [
        (f"{one.shown_keys()} {other.shown_keys()}", f"{one.description}, {other.description}", "", False)
        for one, other in zip(moves[::2], moves[1::2], strict=True)
    ]
    return told[:1] + pairs + told[1:]
