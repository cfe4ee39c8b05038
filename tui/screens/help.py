"""The keys of one screen."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from tui.model import actions
from tui.model.actions import Action
from tui.model.filters import Filter, parse
from tui.model.glyphs import Tone
from tui.model.request_state import hindrance
from tui.screens.base import ConsoleScreen
from tui.widgets.behind import Over
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.pane import Pane
from tui.widgets.toned import Tinted

_WIDEST, _SHARE, _SIDES = 86, 96, 5  # cells, per cent of the screen, borders with padding and scroll bar
_FILTERS: Final = "words !inverse field:value ~fuzzy /regex/ is:trouble"
_KEYS: Final = 15  # cells before a description
_RISKS: Final = {"danger": "!", "change": "*"}


class HelpFilter(Input):
    """The line in which a key is looked for."""

    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+c", "screen.leave", "clear")]

    def __init__(self) -> None:
        super().__init__(placeholder="text  !inverse  key:x  ~fuzzy  /regex/", id="help-filter", compact=True)
        self.cursor_blink = False
        self.display = False


def _other(one: Action) -> Action:
    """The other direction of a movement."""
    place = actions.MOVES.index(one)
    return actions.MOVES[place ^ 1]


class HelpScreen(Tinted, Over):
    """`?`: generated from the action table, so that no key is missing."""

    BINDINGS = [  # noqa: RUF012 - Textual's way
        ("question_mark,q", "dismiss", "close"),
        ("escape,ctrl+c", "leave", "close"),
        ("slash", "filter", "find a key"),
    ]

    def __init__(self, screen: ConsoleScreen) -> None:
        super().__init__()
        self._of = screen
        self._wanted = Filter()

    def compose(self) -> ComposeResult:
        with Pane(id="help"):
            yield Lines(id="keys")
        yield HelpFilter()

    def action_filter(self) -> None:
        bar = self.query_one(HelpFilter)
        bar.display = True
        self.set_focus(bar)

    def action_leave(self) -> None:
        """Clear the filter first, then close."""
        bar = self.query_one(HelpFilter)
        if bar.display:
            bar.value, bar.display, self._wanted = "", False, Filter()
            self.query_one("#help").focus()
            self.show()
        else:
            self.dismiss()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = parse(event.value, ("key", "does", "command"))
        self.show()

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#help").focus()

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
        box, words = self.query_one("#help"), "/ finds · esc closes"
        if self._wanted:
            words = self._wanted.trouble or f"{self._wanted.text} · esc clears"
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
        known = [one for one in self._of.actions() if self._wanted.passes(self._sought(one))]
        if not known:
            return [(Span(f" no key here matches “{self._wanted.text}”; esc clears it", "muted"),)]
        moves = [one for one in actions.MOVES if self._wanted.passes(self._sought(one))]
        moves = [one for one in actions.MOVES if one in moves or _other(one) in moves]
        moves = [one for one in moves if one in self._of.actions()]
        changing = [one for one in known if one.changes]
        everywhere = [one for one in known if one in actions.APP]
        here = [one for one in known if one not in (*moves, *changing, *everywhere)]
        lines = [
            *self._group("This screen", [*self._told(here), *self._pairs(moves)]),
            *(self._filter() if not self._wanted else ()),
            *self._group("Everywhere", self._told(everywhere)),
        ]
        if changing:
            lines += self._group("Changes the fleet, and asks first", self._told(changing))
            lines.append((Span(" " * (_KEYS - 7) + "! stops or loses work   * changes the fleet", "muted"),))
        if self._of.console.keymap.changed:
            lines.append((Span(" " * (_KEYS - 7) + "keys as in [console.keys] of the settings", "muted"),))
        return lines

    def _sought(self, one: Action) -> dict[str, str]:
        """What the filter of the help looks at."""
        return {"key": self._of.console.keymap.shown(one), "does": one.description, "command": one.cli}

    def _found(self, words: str, name: str, tone: Tone) -> Spans:
        """Words with what was looked for in another tone."""
        spans, at = list[Span](), 0
        for begin, end in self._wanted.places(name, words):
            spans += [Span(words[at:begin], tone), Span(words[begin:end], "warn")]
            at = end
        return (*spans, Span(words[at:], tone))

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
            return [(*lines[0], Span("  "), *self._found(one.cli, "command", "muted"))]
        below = wrap(one.cli, self.room - _KEYS - 2, break_on_hyphens=False)
        return [
            *lines,
            *((Span(" " * (_KEYS + 2)), *self._found(part, "command", "muted")) for part in below),
        ]

    def _wrapped(self, head: Spans, words: str, tone: Tone) -> list[Spans]:
        """The description beside its key, on as many lines as it needs."""
        first, *more = wrap(words, self.room - _KEYS)
        return [
            (*head, *self._found(first, "does", tone)),
            *((Span(" " * _KEYS), *self._found(part, "does", tone)) for part in more),
        ]

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
