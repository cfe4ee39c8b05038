"""Interprets a program's output: a reader turns its lines into events, and at the end into an outcome.

A reader is fed every line of an output from the first one on. A daemon that comes back creates a new reader
and feeds it the output again from byte 0, so a reader keeps its state in itself and must not have side
effects. What the log already has is not observed again (`syncropel.adapters.program`).
"""

from __future__ import annotations

import signal as signals
from collections import deque
from dataclasses import dataclass
from typing import ClassVar, Protocol

from syncropel.adapters.base import Outcome
from syncropel.folds.fanout.state import ACCEPT

SUMMARY_LINES = 5
SUMMARY_CHARS = 500
MOST_SAID = 2000
"""Characters of an agent's last message that a result repeats; its output has all of it."""


@dataclass(frozen=True, slots=True)
class Session:
    """The program names the session by which it can be resumed. `model` is empty when it does not say."""

    kind: ClassVar[str] = "session"
    id: str
    model: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Something that the program says: a whole message, a line, or a piece of either."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool begins. `argument` is one line: the command, the path, or whatever distinguishes calls."""

    kind: ClassVar[str] = "tool_call"
    id: str
    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool has ended. `summary` is one line."""

    kind: ClassVar[str] = "tool_result"
    id: str
    ok: bool
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens used since the last `Usage` of this attempt and model, never a running total.

    `input` includes neither `cached_input` nor `cache_write`; `output` includes `reasoning`. `cost_usd` is
    None when the program does not report it.
    """

    kind: ClassVar[str] = "usage"
    model: str
    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The program waits and then calls its model again. `of` and `status` (HTTP) are 0 when unknown."""

    kind: ClassVar[str] = "retry"
    attempt: int
    of: int = 0
    status: int = 0
    delay_secs: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """The program asks the operator something. No choices: any text is an answer."""

    kind: ClassVar[str] = "question"
    id: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Worth knowing, but not a result: a warning, a denied call."""

    kind: ClassVar[str] = "notice"
    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """The program says that it is done, and whether all went well. `text` is its answer, or the error."""

    kind: ClassVar[str] = "final"
    ok: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A line of the gate command that follows a program; programs do not produce it."""

    kind: ClassVar[str] = "gate"
    text: str


Event = Session | Text | ToolCall | ToolResult | Usage | Retry | Question | Notice | Final | Gate


class OutputReader(Protocol):
    """Reads one attempt's output. It must accept any bytes: what it cannot parse it counts in `unread`."""

    unread: int
    """Lines that it could not parse."""

    def feed(self, line: bytes) -> list[Event]:
        """The events of one whole line, given without its newline."""
        ...

    def finish(self) -> list[Event]:
        """The remaining events once the output has ended. Called once, after the last `feed`."""
        ...

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        """The outcome of the attempt, after `finish`: verdict, summary, reason.

        Called only for a program that ended by itself. `exit_code` is None when a signal ended it. The
        outcome's `cost_usd` is the spending beyond the reported usage.
        """
        ...


class PlainReader:
    """Reads a program without a protocol: each line is a text, and exit status 0 accepts."""

    def __init__(self) -> None:
        self.unread = 0
        self._last: deque[str] = deque(maxlen=SUMMARY_LINES)

    def feed(self, line: bytes) -> list[Event]:
        text = line.decode("utf-8", errors="replace")
        if shown := printable(text.rstrip()[-SUMMARY_CHARS:]).rstrip():
            self._last.append(shown)
        return [Text(text)]

    def finish(self) -> list[Event]:
        return []

    def outcome(self, exit_code: int | None, signal: int | None, stderr_tail: str) -> Outcome:
        if exit_code == 0:
            return Outcome(ACCEPT, self.tail)
        return Outcome("failed", f"{self.tail or stderr_tail}\n{how_it_ended(exit_code, signal)}".strip())

    @property
    def tail(self) -> str:
        """The last non-blank lines, short enough for a summary."""
        return "\n".join(self._last)[-SUMMARY_CHARS:]


def how_it_ended(exit_code: int | None, signal: int | None) -> str:
    """`exit status 3`, or `ended by SIGTERM`."""
    return f"exit status {exit_code}" if signal is None else f"ended by {signals.Signals(signal).name}"


def printable(text: str) -> str:
    """The text with a space for each character that a terminal would act on."""
    return "".join(char if char.isprintable() or char in "\n\t" else " " for char in text)


def shortened(said: str) -> str:
    """What a program says of itself, cut for a summary."""
    shown = printable(said).strip()
    return shown if len(shown) <= MOST_SAID else f"{shown[: MOST_SAID - 1]}…"
