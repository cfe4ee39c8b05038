"""The state of a request that a dialog sent, as a frozen value, and its wording."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from syncropel.errors import DaemonNotRunning, RemoteError, SyncropelError
from syncropel.wire.start_words import STARTING
from tui.model.glyphs import Glyphs, Tone
from tui.model.link import Link, word
from tui.model.text import duration, plain

_INTERNAL = 500


class Stage(Enum):
    """How far a request has got."""

    ASKING = "asking"
    SENDING = "sending"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """`since` is the console's clock when the stage began; `hint` says what to do now."""

    stage: Stage = Stage.ASKING
    since: float = 0.0
    message: str = ""
    hint: str = ""

    @property
    def may_ask(self) -> bool:
        """Whether it may be sent: it was not sent yet, or it certainly had no effect."""
        return self.stage in (Stage.ASKING, Stage.REFUSED)


class NotDone(SyncropelError):
    """Raised by an action that certainly had no effect, so that it can be tried again."""


def failed(error: SyncropelError, now: float, look: str) -> Outcome:
    """What an error says about the request: certainly rejected, or unknown. `look`: where to check."""
    if isinstance(error, NotDone):
        return Outcome(Stage.REFUSED, now, error.message, error.hint)
    if isinstance(error, DaemonNotRunning):
        return Outcome(Stage.REFUSED, now, f"not sent: {error.message}", error.hint)
    if isinstance(error, RemoteError) and (error.status < _INTERNAL or error.code == STARTING):
        return Outcome(Stage.REFUSED, now, f"refused: {error.message} (HTTP {error.status})", error.hint)
    return Outcome(
        Stage.UNKNOWN, now, f"it is unknown whether the request took effect: {error.message}", look
    )


def outcome_lines(outcome: Outcome, now: float, glyphs: Glyphs) -> list[tuple[str, Tone]]:
    """The outcome as a dialog shows it; nothing before it is sent."""
    message, hint = plain(outcome.message), plain(outcome.hint)
    if outcome.stage is Stage.ASKING:
        return []
    if outcome.stage is Stage.SENDING:
        waited = now - outcome.since
        secs = f" for {duration(waited)}" if waited >= 1 else ""
        return [(f"{glyphs.sign('in_progress')} sent, waiting for the daemon's answer{secs}", "busy")]
    signs: dict[Stage, tuple[str, Tone]] = {
        Stage.DONE: (glyphs.sign("done"), "good"),
        Stage.REFUSED: (glyphs.sign("failed"), "bad"),
        Stage.UNKNOWN: (glyphs.sign("unknown"), "warn"),
    }
    sign, tone = signs[outcome.stage]
    lines: list[tuple[str, Tone]] = [(f"{sign} {message}", tone)]
    return [*lines, (f"  {glyphs.arrow} {hint}", "plain")] if hint else lines


def hindrance(closed: str, link: Link, glyphs: Glyphs, *, freezes: bool = False) -> str:
    """Why nothing can be changed from here at present; empty when changes are allowed. `link` is as of `now`.

    `closed` is the reason this fleet is read-only from here, empty when it is not. `freezes`: whether the
    change is one that a daemon takes while it reads its log.
    """
    if closed:
        return f"this console is read-only: {closed}"
    if not (link.can_freeze if freezes else link.is_live):
        return f"nothing is sent while the connection is {word(link, glyphs)}"
    return ""
