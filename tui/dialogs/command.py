"""`:`: one line at the bottom, with completion, history, and an explanation of the words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.model.commands import usage
from tui.widgets.bindings import LEAVES
from tui.widgets.lines import Lines, Span
from tui.widgets.session_bound import SessionBound
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.errors import SyncropelError
    from tui.widgets.console import CommandLine


class CommandScreen(SessionBound, ModalScreen[None]):
    """Enter runs it, tab completes, up and down go through the history, esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave"), LEAVES]

    def __init__(self, line: str = "", trouble: SyncropelError | None = None) -> None:
        super().__init__()
        self._line, self._draft = line, line
        self._past: int | None = None
        self._offered: list[str] = []
        self._place = -1
        self._trouble = trouble

    @property
    def _commands(self) -> CommandLine:
        return self.console.commands

    def compose(self) -> ComposeResult:
        with Vertical(id="command-box"):
            yield Lines(id="hints")
            made = Input(self._line, "freeze NS · task NAME · context NAME · help", id="line", compact=True)
            made.select_on_focus = False
            made.cursor_blink = False
            yield made

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._hint()

    @property
    def line(self) -> str:
        return self.query_one(Input).value

    def _put(self, text: str) -> None:
        line = self.query_one(Input)
        with line.prevent(Input.Changed):
            line.value = text
        line.cursor_position = len(text)

    # the hint above the line

    def _hint(self) -> None:
        width, glyphs = self.size.width - 4, self.console.glyphs
        if self._trouble is not None:
            message, hint = self._trouble.message, self._trouble.hint
            sign = glyphs.sign("failed")
            lines = [(Span(clip(f"{sign} {message}", width, glyphs.ellipsis), "bad"),)]
            if hint:
                lines.append((Span(clip(f"{glyphs.arrow} {hint}", width, glyphs.ellipsis), "plain"),))
        else:
            words = " ".join(
                f"[{one}]" if place == self._place else one for place, one in enumerate(self._offered)
            )
            told = usage(self.line) or "tab completes · ↑ what was typed before · esc leaves"
            lines = [(Span(clip(glyphs.text(words), width, glyphs.ellipsis), "strong"),)] if words else []
            lines.append((Span(clip(glyphs.text(told), width, glyphs.ellipsis), "muted"),))
        self.query_one("#hints", Lines).show(lines)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self._draft or event.value != self.line:
            return  # first shown only now; or the line has changed since
        self._past, self._place, self._trouble = None, -1, None
        self._offered = self._commands.complete(self.line) if self.line else []
        self._draft = self.line
        self._hint()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("tab", "shift+tab"):
            event.stop()
            event.prevent_default()
            self._complete(1 if event.key == "tab" else -1)
        elif event.is_printable and event.character and not self.query_one(Input).has_focus:
            event.stop()  # typed before the line had the focus
            self.query_one(Input).insert_text_at_cursor(event.character)
        elif event.key in ("up", "down"):
            event.stop()
            self._remember(-1 if event.key == "up" else 1)

    def _complete(self, by: int) -> None:
        """Insert the next offered word; a single offer is inserted with a blank after it."""
        if self._place < 0:
            self._draft = self.line  # a change made just now is announced after this key
            self._offered = self._commands.complete(self._draft)
        if not self._offered:
            self._hint()
            return
        self._place = (self._place + by) % len(self._offered)
        begun = "" if not self._draft or self._draft[-1].isspace() else self._draft.split()[-1]
        word = self._offered[self._place]
        text = self._draft[: len(self._draft) - len(begun)] + word
        if len(self._offered) == 1:
            text += " "
            self._draft, self._place = text, -1
            self._offered = self._commands.complete(text)
        self._put(text)
        self._hint()

    def _remember(self, by: int) -> None:
        history = self.console.preferences.history
        if not history:
            return
        start = len(history) if self._past is None else self._past
        place = max(0, start + by)
        if place >= len(history):
            self._past = None
            self._put(self._draft)
        else:
            self._past = place
            self._put(history[place])
        self._hint()

    # running it

    @on(Input.Submitted)
    async def _given(self, event: Input.Submitted) -> None:
        event.stop()
        line = event.value.strip()
        console = self.console
        if not line:
            self.dismiss()
            return
        console.preferences.typed(line)
        console.preferences.save()
        self.dismiss()
        # After the line has closed, so that a dialog it opens lies on the screen where it was typed.
        console.call_next(console.typed, line)

    def action_leave(self) -> None:
        self.dismiss()
