"""The scratchpad: evaluates an expression and shows the result."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len

from syncropel import wire as schema
from syncropel.errors import RemoteError, SyncropelError
from tui.model.glyphs import Glyphs
from tui.model.text import plain, took
from tui.model.tree import Line

VALUE_CHARS: Final = 2_000
"""How much of a value is shown; the command shows all of it."""
_SHOWN: Final = 3


@dataclass(frozen=True)
class Trial:
    """What is evaluated: an expression in a context, about a task or thread, or about none."""

    expression: str = ""
    context: str = schema.EXPRESSION_CONTEXTS[0]
    about: str = ""

    def command(self) -> str:
        """The equivalent command line."""
        words = ["spl", "expr", "eval", self.expression, "--context", self.context]
        return shlex.join([*words, "--thread", self.about] if self.about else words)

    def turned(self, by: int) -> str:
        """The next context, or the previous one."""
        known = schema.EXPRESSION_CONTEXTS
        place = known.index(self.context) if self.context in known else 0
        return known[(place + by) % len(known)]


Stage = Literal["idle", "asking", "value", "invalid", "no value", "unknown"]


@dataclass(frozen=True)
class Outcome:
    """The result of a trial. `column` is the position of a mistake, from 1. While a request is under way, the
    last result stays.
    """

    stage: Stage = "idle"
    words: tuple[str, ...] = ()
    column: int | None = None

    def asking(self) -> Outcome:
        return Outcome("asking", self.words if self.stage != "idle" else ())


def answered(value: schema.ExpressionValue) -> Outcome:
    """A value, with its type and cost."""
    text = json.dumps(value.value, ensure_ascii=False)
    if len(text) > VALUE_CHARS:
        text = f"{text[:VALUE_CHARS]}… ({len(text) - VALUE_CHARS} characters more)"
    return Outcome("value", (plain(text), f"{value.type} · {value.steps} steps · {took(value.micros / 1e6)}"))


def failed(error: SyncropelError) -> Outcome:
    """A mistake in the expression, an evaluation without a value, or no answer at all."""
    if not isinstance(error, RemoteError):
        return Outcome("unknown", (plain(error.message), plain(error.hint)))
    if error.place is None:
        return Outcome("no value", (plain(error.message), plain(error.hint)))
    # The hint begins with the source and a caret; here the caret is below the typed expression.
    hint = error.hint.split("^\n", 1)[1] if "^\n" in error.hint else ""
    return Outcome("invalid", (plain(error.message), plain(hint)), error.place[1])


def caret(expression: str, column: int, prompt: int, scrolled: int, width: int, sign: str) -> str:
    """The caret below the faulty column of the input line, which is offset by `prompt` cells.

    It is at the edge when that column is scrolled out of sight.
    """
    place = prompt + cell_len(expression[: column - 1]) - scrolled
    return " " * max(prompt, min(place, width - 1)) + sign


def outcome_lines(outcome: Outcome, glyphs: Glyphs) -> list[Line]:
    """The result as it is shown below the expression."""
    first, *more = [one for one in outcome.words if one] or [""]
    if outcome.stage == "idle":
        return [Line("↑ ↓ choose the context, tab goes to the task or thread, esc goes back", "muted")]
    if outcome.stage == "asking":
        words = f"{glyphs.sign('in_progress')} {first}" if first else f"{glyphs.sign('in_progress')} asking"
        return [Line(words, "muted"), *(Line(f"  {one}", "muted") for one in more[:_SHOWN])]
    if outcome.stage == "value":
        return [Line(f"= {first}", "good"), *(Line(f"  {one}", "muted") for one in more[:_SHOWN])]
    if outcome.stage == "invalid":
        return [Line(f"{glyphs.sign('failed')} {first}", "bad"), *(Line(f"  {one}") for one in more[:_SHOWN])]
    sign = glyphs.sign("unknown")
    says = f"no value: {first}" if outcome.stage == "no value" else f"not tried: {first}"
    return [Line(f"{sign} {says}", "warn"), *(Line(f"  {glyphs.arrow} {one}") for one in more[:_SHOWN])]
