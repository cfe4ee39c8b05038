"""The base of all dialogs: a question about the subject it was opened for, whatever changes behind it.

The focus starts on Cancel, and esc cancels. The action's button is greyed, with the reason, while the
connection is not live or the console is read-only. The action is sent once; its outcome appears in the
dialog, which stays open.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from syncropel.errors import SyncropelError
from tui.model.glyphs import Glyphs, Tone
from tui.model.layout import NARROW
from tui.model.request_state import Outcome, Stage, failed, hindrance, outcome_lines
from tui.widgets.behind import Over
from tui.widgets.bindings import LEAVES
from tui.widgets.choice_list import ChoiceList
from tui.widgets.choice_row import ChoiceRow
from tui.widgets.field import Field
from tui.widgets.flat_button import FlatButton
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.session_bound import SessionBound
from tui.widgets.toned import clip

if TYPE_CHECKING:
    from syncropel.client import Call
    from syncropel.client.calls import Answer

_FRAME: Final = 4  # the border, the buttons, and one line of the screen behind
_AIR, _ROOMY = 3, 32  # blank lines around the text, and the screen height from which they appear
_WIDEST, _SHARE, _SIDES = 100, 96, 6  # cells, per cent of the screen, borders with padding and scroll bar


def _indent(words: str) -> str:
    """The indent for continuation lines: never less than the line's own."""
    return " " * max(2, len(words) - len(words.lstrip()))


class Dialog(SessionBound, Over):
    """Base of all dialogs.

    A subclass states its subject in `says` and the equivalent command in `command`, gives the reason against
    the action in `objection`, and carries it out in `act`. `needs` is the scope that the daemon requires,
    empty for none in particular. `look` is where to check whether the action took effect when the outcome is
    unknown.
    """

    AUTO_FOCUS = "#button-cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "leave"),
        LEAVES,
        ("right,down", "app.focus_next", "next"),
        ("left,up", "app.focus_previous", "previous"),
        ("pageup", "scroll(-1)", "up"),
        ("pagedown", "scroll(1)", "down"),
    ]
    heading = ""
    button = ""
    letter = "y"
    danger = True
    needs = ""
    freezes = False
    """Whether it sends what a daemon takes even while it reads its log."""
    look = "look at the fleet before you try again: spl fleet status"

    def __init__(self) -> None:
        super().__init__()
        self.outcome = Outcome()
        self.by_mouse = False
        """Whether the button that is being handled was clicked."""

    # content of a dialog

    def title_words(self) -> str:
        return self.heading

    def says(self, now: float) -> Sequence[tuple[str, Tone]]:
        """The question, as lines with a tone; long ones are wrapped."""
        return ()

    def fields(self) -> Sequence[Widget]:
        """The fields to fill in, between the question and the command."""
        return ()

    def after_fields(self, now: float) -> Sequence[tuple[str, Tone]]:
        """Lines with a tone shown below the fields."""
        return ()

    def more_buttons(self) -> Sequence[FlatButton]:
        """Buttons beside that of the action; `pressed` gets their names."""
        return ()

    def pressed(self, button: FlatButton) -> None:
        """One of them was pressed."""

    def command(self) -> str:
        """The equivalent command line."""
        return ""

    def command_shown(self) -> str:
        """The same as far as there is room for it; all of it is copied."""
        return self.command()

    def objection(self) -> str:
        """Why it cannot be done as filled in; empty when it can."""
        return ""

    def missing(self) -> str:
        """The id of the next field that must be filled in; empty when none is missing."""
        return ""

    async def act(self) -> str:
        """Do it; return a message saying what was done. Raises SyncropelError."""
        raise NotImplementedError

    def follows(self, now: float) -> Sequence[tuple[str, Tone]]:
        """Lines shown after success, as long as the dialog stays open."""
        return ()

    def told(self, now: float) -> Sequence[tuple[str, Tone]]:
        """The outcome, as lines."""
        lines = outcome_lines(self.outcome, now, self.glyphs)
        return [*lines, *self.follows(now)] if self.outcome.stage is Stage.DONE else lines

    def ask_again(self) -> None:
        """The daemon is back: read again what could not be read."""

    # the frame

    @property
    def glyphs(self) -> Glyphs:
        return self.console.glyphs

    @property
    def actor(self) -> str:
        """Who signs records written from here: the operator, as on the command line."""
        return self.session.target.actor

    async def ask(self, call: Call[Answer]) -> Answer:
        """Send a request to this dialog's daemon. Raises SyncropelError."""
        return await self.session.send(call)

    @property
    def asks(self) -> bool:
        """Whether there is anything to confirm; a dialog without an action only informs."""
        return bool(self.button)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            with VerticalScroll(id="question", can_focus=False):
                yield Lines(id="says")
                yield Vertical(*self.fields(), id="fields")
                yield Lines(id="after-fields")
                yield Lines(id="command")
            yield Lines(id="outcome")
            yield Lines(id="why-not")
            with Horizontal(id="buttons"):
                yield FlatButton("cancel", "esc", "Cancel" if self.asks else "Close")
                if self.asks:
                    yield FlatButton("do", self.letter, self.button, "bad" if self.danger else "plain")
                yield from self.more_buttons()

    def on_mount(self) -> None:
        box = self.query_one("#dialog")
        # As Content: a plain string would be read as markup.
        box.border_title = Content(self.glyphs.text(self.title_words()))
        if self.console.fleets.several:
            box.border_subtitle = Content(self.session.fleet.name)
        box.set_class(self.danger and self.asks, "danger")
        self.show()

    def on_resize(self) -> None:
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Show the question and the outcome as of now. Called for news and once a second."""
        if not self.is_shown:
            return
        if self.came_back():
            self.ask_again()
        now = self.console.clock()
        self.query_one("#says", Lines).show(self._spans(self.says(now)))
        done = self.outcome.stage is Stage.DONE
        self.query_one("#fields").display = not done
        self.query_one("#after-fields", Lines).show([] if done else self._spans(self.after_fields(now)))
        command = self.command_shown()
        twin: list[tuple[str, Tone]] = [(f"$ {command}", "muted")] if command else []
        self.query_one("#command", Lines).show(self._spans(twin))
        self.query_one("#outcome", Lines).show(self._spans(self.told(now)))
        self._show_buttons(self.why_not(now), bool(command))
        self._fit()

    @property
    def is_shown(self) -> bool:
        """Whether there are widgets to update: not before mounting, nor during removal."""
        return self.is_mounted and self.query_one_optional("#says") is not None

    @property
    def room(self) -> int:
        """Cells available for text, without the scroll bar. Computed like the style sheet does, since layout
        happens later.
        """
        width = self.console.size.width
        share = _SHARE if width >= NARROW else 100
        return max(20, min(_WIDEST, width * share // 100) - _SIDES)

    @property
    def air(self) -> int:
        """Blank lines around the text, only on a screen with room for them."""
        return _AIR if self.console.size.height >= _ROOMY else 0

    def _fit(self) -> None:
        """Keep the outcome and the buttons visible: the question scrolls in the room that remains."""
        told = [self.query_one(name, Lines).text for name in ("#outcome", "#why-not")]
        below = sum(len(words.splitlines()) for words in told)
        self.query_one("#dialog").set_class(self.air > 0, "roomy")
        self.query_one("#question").styles.max_height = max(3, self.size.height - below - _FRAME - self.air)

    def _show_buttons(self, why_not: str, copies: bool) -> None:
        open_ = self.asks and self.outcome.may_ask
        keys = "tab: next field · ctrl+y copies the command" if copies else "tab: next field"
        line = Span(f"{self.button} is greyed: {why_not}", "warn") if why_not else Span(keys, "muted")
        width = self.room
        line = Span(clip(line.text, width, self.glyphs.ellipsis), line.tone)
        self.query_one("#why-not", Lines).show([(line,)] if open_ else [])
        self.query_one("#button-cancel", FlatButton).show(self.way_out())
        if self.asks:
            button = self.query_one("#button-do", FlatButton)
            button.show(self.button, why_not)
            button.display = open_

    def way_out(self) -> str:
        """What esc does: not "Cancel" where that is what the other button does to a task."""
        if not (self.asks and self.outcome.may_ask):
            return "Close"
        return "Back" if self.button.startswith("Cancel") else "Cancel"

    def why_not(self, now: float) -> str:
        """Why the action is greyed; empty when it is available."""
        if self.outcome.stage is Stage.SENDING:
            return "it was sent"
        if not self.outcome.may_ask:
            return "it was done" if self.outcome.stage is Stage.DONE else "first check whether it took effect"
        return self.hindered(now) or self.objection()

    def hindered(self, now: float) -> str:
        """Why nothing that this dialog is for can be sent from here now; empty when it can."""
        session = self.session
        why_not = hindrance(session.closed, self.world.link.at(now), self.glyphs, freezes=self.freezes)
        return why_not or session.access.without(self.needs)

    def _spans(self, lines: Sequence[tuple[str, Tone]]) -> list[Spans]:
        width = self.room
        return [
            (Span(part, tone),)
            for words, tone in lines
            for part in wrap(words, width, subsequent_indent=_indent(words)) or [""]
        ]

    # keys

    def on_key(self, event: events.Key) -> None:
        """Letters press buttons, unless a field has the focus.

        A key goes to the widget that had the focus when it arrived; one typed before a field got the focus is
        handed on to the field.
        """
        field = self.focused
        if isinstance(field, Input) and event.is_printable and event.character:
            event.stop()
            field.insert_text_at_cursor(event.character)
        elif event.key == "ctrl+y" and (command := self.command()):
            event.stop()
            self.yank(command)
        elif event.character is not None and self.by_letter(event.character):
            event.stop()

    def by_letter(self, letter: str) -> bool:
        """Whether a letter did something: the action's letter runs it, a field's letter focuses it."""
        if self.asks and letter == self.letter:
            self.do()
            return True
        for field in self.query(Field):
            if field.letter == letter and field.display:
                self.set_focus(field.widget)
                return True
        return False

    @on(FlatButton.Pressed)
    def _pressed(self, event: FlatButton.Pressed) -> None:
        event.stop()
        self.by_mouse = event.by_mouse
        if event.button.id == "button-cancel":
            self.action_leave()
        elif event.button.id == "button-do":
            self.do()
        else:
            self.pressed(event.button)
        self.by_mouse = False

    @on(Input.Submitted)
    @on(ChoiceRow.Done)
    @on(ChoiceList.Done)
    def _field_done(self, event: Message) -> None:
        """Enter in a field moves to the next field that must be filled in, then to the button; it submits
        nothing.
        """
        event.stop()
        self.set_focus(self.query_one(f"#{self._next()}"))

    def _next(self) -> str:
        return self.missing() or ("button-do" if self.asks else "button-cancel")

    @on(Input.Changed)
    @on(ChoiceRow.Changed)
    @on(ChoiceList.Changed)
    def _field_changed(self, event: Message) -> None:
        event.stop()
        self.show()

    def action_leave(self) -> None:
        self.withdraw()

    def withdraw(self) -> None:
        """Close, unless another dialog covers this one: keys can be faster than screens."""
        if self.app.screen is self:
            self.dismiss()

    def action_scroll(self, by: int) -> None:
        self.query_one("#question").scroll_relative(y=by * 5, animate=False)

    # the action

    def do(self) -> None:
        """Send it, unless it is greyed."""
        now = self.console.clock()
        if not self.asks or self.why_not(now):
            self.show()
            return
        self.outcome = Outcome(Stage.SENDING, now)
        self.set_focus(self.query_one("#button-cancel"))
        self.begin()
        self.show()

    def begin(self) -> None:
        """Start the action."""
        # The app's worker, not this screen's: closing the dialog does not take back what was sent.
        self.app.run_worker(self._send(), name=self.button, exit_on_error=False)

    async def _send(self) -> None:
        try:
            done = await self.act()
        except SyncropelError as error:
            self.outcome = failed(error, self.console.clock(), self.look)
        except Exception as error:  # noqa: BLE001 - an action whose end is not reported would look as if it went on
            told = SyncropelError(f"unexpected {type(error).__name__}: {error}")
            self.outcome = failed(told, self.console.clock(), self.look)
        else:
            self.outcome = Outcome(Stage.DONE, self.console.clock(), done)
        if self.is_current:
            self.show()
        else:
            self._tell_behind()

    def _tell_behind(self) -> None:
        """The dialog was closed meanwhile: show the outcome in a corner of the screen."""
        lines = outcome_lines(self.outcome, self.console.clock(), self.glyphs)
        words = self.glyphs.text(" ".join(words for words, _ in lines))
        done = self.outcome.stage is Stage.DONE
        of = f" · {self.session.fleet.name}" if self.console.fleets.several else ""
        self.app.notify(words, title=f"{self.button}{of}", severity="information" if done else "error")
