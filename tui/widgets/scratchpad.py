"""Evaluates an expression while it is typed; an outdated request is not waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, Final, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input
from textual.worker import WorkType

from syncropel.client import config_calls
from syncropel.errors import SyncropelError
from tui.connection.stream_follower import Asks
from tui.model import scratchpad
from tui.model.glyphs import UNICODE, Glyphs, Tone
from tui.model.scratchpad import Outcome, Trial
from tui.widgets.bindings import bindings
from tui.widgets.field import entry
from tui.widgets.lines import Lines, Span, Spans
from tui.widgets.toned import clip

PAUSE_SECS: Final = 0.15
"""Pause in typing before the expression is tried."""
_PROMPT: Final = 7


class _Host(Protocol):
    """What it needs of its screen."""

    session: Asks
    sleep: Callable[[float], Awaitable[None]]


class Scratchpad(Vertical):
    """Two inputs, and the result below. `↑` and `↓` choose the context."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("scratchpad"),
        Binding("up", "turn(-1)", show=False),
        Binding("down", "turn(1)", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.trial, self.outcome = Trial(), Outcome()

    def compose(self) -> ComposeResult:
        yield Lines(id="try-head")
        for name, told in (("about", "task or thread, for what the context names"), ("expression", "CEL")):
            with Horizontal(classes="try"):
                yield Lines(id=f"label-{name}", classes="label")
                yield entry(name, placeholder=told)
        yield Lines(id="try-outcome")

    def on_mount(self) -> None:
        for name, words in (("expression", " try"), ("about", " about")):
            self.query_one(f"#label-{name}", Lines).show([(Span(f"{words:<{_PROMPT}}", "muted"),)])

    @property
    def _glyphs(self) -> Glyphs:
        return getattr(self.app, "glyphs", UNICODE)

    # showing

    def show(self) -> None:
        """Draw what is known now."""
        width, glyphs = self.size.width, self._glyphs
        head = f" TRY AN EXPRESSION · context {self.trial.context} "
        rule = glyphs.rule * max(0, width - len(head) - 1)
        tone: Tone = "strong" if self.has_focus_within else "plain"
        self.query_one("#try-head", Lines).show([(Span(head, tone), Span(rule, "muted"))])
        self.query_one("#try-outcome", Lines).show(self._told(width))

    def _told(self, width: int) -> list[Spans]:
        lines: list[Spans] = []
        typed = self.query_one("#expression", Input)
        if self.outcome.stage == "invalid" and self.outcome.column is not None:
            scrolled = round(typed.scroll_offset.x)
            sign = scratchpad.caret(
                typed.value, self.outcome.column, _PROMPT, scrolled, width, self._glyphs.up
            )
            lines.append((Span(sign, "bad"),))
        for line in scratchpad.outcome_lines(self.outcome, self._glyphs):
            lines.append((Span(" " + clip(line.text, width - 2, self._glyphs.ellipsis), line.tone),))
        return lines

    # evaluating

    def take(self, expression: str, context: str) -> None:
        """Try this expression in this context, with the cursor at its end."""
        self.trial = replace(self.trial, context=context)
        typed = self.query_one("#expression", Input)
        typed.value = expression
        typed.cursor_position = len(expression)
        self._again()
        typed.focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        field = "about" if event.input.id == "about" else "expression"
        if getattr(self.trial, field) != event.value.strip():
            self.trial = replace(self.trial, **{field: event.value.strip()})
            self._again()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._again()

    def action_turn(self, by: int = 1) -> None:
        """The next context, or the previous one."""
        self.trial = replace(self.trial, context=self.trial.turned(by))
        self._again()

    def _again(self) -> None:
        work: WorkType[None] = self._try
        if self.trial.expression:
            self.outcome = self.outcome.asking()
            self.run_worker(work, group="try", exclusive=True, exit_on_error=False)
        else:
            self.workers.cancel_group(self, "try")
            self.outcome = Outcome()
        self.show()

    async def _try(self) -> None:
        host = cast(_Host, self.screen)
        await host.sleep(PAUSE_SECS)
        tried = self.trial
        fields = {"context": tried.context, "expression": tried.expression, "thread": tried.about}
        try:
            outcome = scratchpad.answered(await host.session.send(config_calls.evaluate_expression(fields)))
        except SyncropelError as error:
            outcome = scratchpad.failed(error)
        if tried == self.trial:
            self.outcome = outcome
            self.show()
