"""The keys of one screen."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from rich.cells import cell_len
from textual.app import ComposeResult

from tui.model import actions
from tui.model.actions import Action
from tui.model.glyphs import Tone
from tui.model.request_state import hindrance
from tui.screens.base import ConsoleScreen
from tui.widgets.behind import Over
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.pane import Pane
from tui.widgets.toned import Tinted

_WIDEST, _SHARE, _SIDES = 86, 96, 5  # cells, per cent of the screen, borders with padding and scroll bar
_FILTERS: Final = "words, !inverse, field:value, is:trouble; all must hold"
_KEYS: Final = 15  # cells before a description
_RISKS: Final = {"danger": "!", "change": "*"}


class HelpScreen(Tinted, Over):
    """`?`: generated from the action table, so that no key is missing."""

    BINDINGS = [("question_mark,escape,q,ctrl+c", "dismiss", "close")]  # noqa: RUF012 - Textual's way

    def __init__(self, screen: ConsoleScreen) -> None:
        super().__init__()
        self._of = screen

    def compose(self) -> ComposeResult:
        with Pane(id="help"):
            yield Lines(id="keys")

    def on_mount(self) -> None:
        box = self.query_one("#help")
        box.border_title = f"Keys: {self._of.name_.capitalize()}"
        self.watch(box, "scroll_y", self._told_where, init=False)
        self.show()

    def on_resize(self) -> None:
        self.show()

    def show(self) -> None:
        self.query_one("#keys", Lines).show(self.lines())
        self.call_after_refresh(self._told_where)

    def _told_where(self) -> None:
        """Which lines are visible: without it, nobody would know that there are more."""
        box, words = self.query_one("#help"), "esc closes"
        count, seen, first = (
            box.virtual_size.height,
            box.scrollable_content_region.height,
            box.scroll_offset.y,
        )
        if seen < count:
            words = f"{first + 1}-{min(count, first + seen)} of {count} · pgup pgdn · {words}"
        box.border_subtitle = self._of.console.glyphs.text(words)

    @property
    def room(self) -> int:
        """Cells available for text. Computed like the style sheet does, since layout happens later."""
        return max(40, min(_WIDEST, self.app.size.width * _SHARE // 100) - _SIDES)

    def lines(self) -> list[Spans]:
        known = self._of.actions()
        moves = [one for one in known if one in actions.MOVES]
        changing = [one for one in known if one.changes]
        everywhere = [one for one in known if one in actions.APP]
        here = [one for one in known if one not in (*moves, *changing, *everywhere)]
        lines = [
            *self._group("This screen", [*self._told(here), *self._pairs(moves)]),
            *self._filter(),
            *self._group("Everywhere", self._told(everywhere)),
        ]
        if changing:
            lines += self._group("Changes the fleet, and asks first", self._told(changing))
            lines.append((Span(" " * (_KEYS - 7) + "! stops or loses work   * changes the fleet", "muted"),))
        if self._of.console.keymap.changed:
            lines.append((Span(" " * (_KEYS - 7) + "keys as in [console.keys] of the settings", "muted"),))
        return lines

    def _group(self, title: str, rows: Sequence[Spans]) -> list[Spans]:
        return [(Span(f" {title}", "cold"),), *rows] if rows else []

    def _told(self, some: Sequence[Action]) -> list[Spans]:
        return [line for one in some for line in self._lines_of(one)]

    def _lines_of(self, one: Action) -> list[Spans]:
        """Key, what it does, and the equivalent command: below it where it does not fit beside it."""
        console, session = self._of.console, self._of.session
        now = console.clock()
        link = session.world.link.at(now)
        greyed = one.changes and hindrance(session.closed, link, console.glyphs, freezes=one.freezes)
        tones: tuple[Tone, Tone] = ("muted", "muted") if greyed else ("strong", "plain")
        keys = console.keymap.shown(one)
        risk = _RISKS.get(one.risk, " ")
        head = (Span(f"{keys:>{_KEYS - 3}} ", tones[0]), Span(f"{risk} ", "warn"))
        lines = self._wrapped(head, one.description, tones[1])
        if not one.cli:
            return lines
        if len(lines) == 1 and _KEYS + cell_len(one.description) + 2 + cell_len(one.cli) <= self.room:
            return [(*lines[0], Span(f"  {one.cli}", "muted"))]
        below = wrap(one.cli, self.room - _KEYS - 2, break_on_hyphens=False)
        return [*lines, *((Span(" " * (_KEYS + 2) + part, "muted"),) for part in below)]

    def _wrapped(self, head: Spans, words: str, tone: Tone) -> list[Spans]:
        """The description beside its key, on as many lines as it needs."""
        first, *more = wrap(words, self.room - _KEYS)
        return [(*head, Span(first, tone)), *((Span(" " * _KEYS + part, tone),) for part in more)]

    def _pairs(self, moves: Sequence[Action]) -> list[Spans]:
        """The two directions of a movement share a line."""
        shown = self._of.console.keymap.shown
        return [
            line
            for one, other in zip(moves[::2], moves[1::2], strict=True)
            for line in self._wrapped(
                (Span(f"{shown(one)} {shown(other)}".rjust(_KEYS - 3) + "   ", "strong"),),
                f"{one.description}, {other.description}",
                "plain",
            )
        ]

    def _filter(self) -> list[Spans]:
        if not self._of.fields:
            return []
        fields = wrap(" ".join(self._of.fields), self.room - _KEYS)
        return [
            *self._wrapped((Span(f"{'filter':>{_KEYS - 3}}   ", "strong"),), _FILTERS, "plain"),
            *((Span(" " * _KEYS), Span(part, "muted")) for part in fields),
        ]
