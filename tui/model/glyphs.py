"""The signs of states, in Unicode and ASCII. A sign always accompanies its word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len

from syncropel.wire.words import UnknownWord

Tone = Literal[
    "plain", "muted", "strong", "good", "busy", "warn", "bad", "cold", "alarm",
    "red", "yellow", "green", "cyan", "blue", "magenta",
]  # fmt: skip


@dataclass(frozen=True)
class Glyphs:
    """One set of signs."""

    signs: dict[str, str]
    full: str
    empty: str
    thin: str
    thick: str
    ramp: str
    branch: str
    last_branch: str
    cursor: str
    rule: str
    dot: str
    arrow: str
    up: str
    down: str
    ellipsis: str

    def sign(self, state: str) -> str:
        """The sign of a state; a question mark for one that only a newer daemon knows."""
        return self.signs.get(state, self.signs["unknown"])

    def text(self, words: str) -> str:
        """Text in this alphabet, at the same width: characters it lacks become question marks."""
        if self is UNICODE or words.isascii():
            return words
        known = words.translate(_TO_ASCII)
        return "".join(char if char.isascii() else "?" * cell_len(char) for char in known)


UNICODE: Final = Glyphs(
    signs={
        "live": "●", "stale": "◐", "archived": "○", "left": "○", "draining": "◑", "unknown": "?",
        "accept": "✓", "reject": "✗", "failed": "✗", "timeout": "✗", "terminated": "✗",
        "in_progress": "…", "pending": "·", "blocked": "‖", "frozen": "❄",
        "open": "·", "done": "✓", "approved": "✓", "rejected": "✗", "cancelled": "○", "deferred": "‖",
        "retrying": "↻", "down": "✗", "queued": "·", "lost": "✗", "not_begun": "·", "not_spawned": "·",
        "active": "…", "observed": "◎", "closed": "■", "clear": "·", "emergency": "✗",
        "altered": "✗", "asks": "◇", "marked": "◆", "changed": "◈",
    },
    full="█", empty="░", thin="─", thick="━", ramp="▁▂▃▄▅▆▇█", branch="├─", last_branch="└─", cursor="▸",
    rule="─", dot="·", arrow="→", up="▲", down="▼", ellipsis="…",
)  # fmt: skip

ASCII: Final = Glyphs(
    signs={
        "live": "*", "stale": "~", "archived": "o", "left": "o", "draining": ")", "unknown": "?",
        "accept": "+", "reject": "x", "failed": "x", "timeout": "x", "terminated": "x",
        "in_progress": ">", "pending": ".", "blocked": "|", "frozen": "#",
        "open": ".", "done": "+", "approved": "+", "rejected": "x", "cancelled": "o", "deferred": "|",
        "retrying": "@", "down": "x", "queued": ".", "lost": "x", "not_begun": ".", "not_spawned": ".",
        "active": ">", "observed": "%", "closed": "=", "clear": ".", "emergency": "x",
        "altered": "x", "asks": "?", "marked": "*", "changed": "~",
    },
    full="#", empty=".", thin="-", thick="=", ramp="_.-=+*%#", branch="|-", last_branch="`-", cursor=">",
    rule="-", dot=".", arrow="->", up="^", down="v", ellipsis="~",
)  # fmt: skip

_TO_ASCII: Final = str.maketrans({
    "–": "-", "—": "-", "−": "-", "…": "~", "·": "|", "→": ">", "×": "x", "─": "-", "↑": "^", "↓": "v",
    "✓": "+", "✗": "x", "│": "|", "›": ">", "“": '"', "”": '"', "█": "#", "━": "=", "░": ".",
    "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┌": "+", "┐": "+", "└": "+", "┘": "+", "▔": "-", "▁": "_",
    "▎": "|", "▌": "|", "▐": "|", "❄": "#", "●": "*", "µ": "u", "◇": "?", "┆": ":", "🔎": "> ",
})  # fmt: skip

TONES: Final[dict[str, Tone]] = {
    "live": "good", "stale": "warn", "archived": "muted", "left": "muted", "draining": "warn",
    "accept": "good", "reject": "bad", "failed": "bad", "timeout": "bad", "terminated": "bad",
    "in_progress": "busy", "pending": "muted", "blocked": "warn", "frozen": "cold", "open": "plain",
    "done": "good", "approved": "good", "rejected": "bad", "cancelled": "muted", "deferred": "muted",
    "unknown": "warn", "queued": "muted", "lost": "warn", "not_begun": "muted", "not_spawned": "muted",
    "active": "busy", "observed": "plain", "closed": "muted", "clear": "plain", "emergency": "alarm",
    "altered": "bad", "asks": "warn",
}  # fmt: skip

_HUES: Final[dict[str, Tone]] = {
    "red": "red", "yellow": "yellow", "green": "green", "cyan": "cyan", "blue": "blue", "magenta": "magenta",
}  # fmt: skip


def hue(colour: str) -> Tone:
    """The tone of a colour chosen for a name; an unknown colour is just strong."""
    return _HUES.get(colour, "strong")


_WORDS: Final = {"in_progress": "in progress", "not_begun": "not begun", "not_spawned": "not spawned"}


def tone_of(state: str) -> Tone:
    """The tone of a state."""
    return TONES.get(state, TONES["unknown"])


def word(state: str) -> str:
    """A state as a person reads it."""
    return _WORDS.get(state, state)


def marked(told: str) -> str:
    """A word without a sign; one that only a newer daemon knows gets a question mark."""
    return f"? {told}" if isinstance(told, UnknownWord) else told
