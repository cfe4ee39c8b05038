"""The characters that say a state beside its word: one set for Unicode terminals, one of plain ASCII."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_PLAIN: Final = str.maketrans(
    {
        "·": "|",
        "…": "...",
        "→": "->",
        "×": "x",
        "—": "-",
        "–": "-",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "≥": ">=",
        "≤": "<=",
        "›": ">",
    }
)


@dataclass(frozen=True)
class Glyphs:
    """One set. `states` has a character for each status word of the wire."""

    ascii_only: bool
    states: dict[str, str] = field(hash=False)
    cursor: str
    ellipsis: str
    rule: str
    branch: str
    last_branch: str
    bar_critical: str
    bar: str
    bar_waiting: str
    bar_end: str
    meter_full: str
    meter_empty: str
    critical: str
    separator: str
    times: str
    arrow: str
    crumb: str
    warning: str
    ascending: str
    descending: str
    sparks: str

    def state(self, word: str) -> str:
        """The glyph of a status word; a word of a newer daemon gets a question mark."""
        return self.states.get(word, "?")

    def clean(self, text: str) -> str:
        """Text that came from a record, fit for one line of a terminal.

        Control characters and those that reorder a line become spaces: a goal must not move the cursor.
        """
        text = _CONTROLS.sub(" ", text)
        if not self.ascii_only or text.isascii():
            return text
        return text.translate(_PLAIN).encode("ascii", "replace").decode()


UNICODE: Final = Glyphs(
    ascii_only=False,
    states={
        "live": "●",
        "stale": "◐",
        "archived": "○",
        "draining": "▽",
        "left": "○",
        "frozen": "❄",
        "accept": "✓",
        "approved": "✓",
        "done": "✓",
        "reject": "✗",
        "rejected": "✗",
        "failed": "✗",
        "timeout": "✗",
        "terminated": "✗",
        "cancelled": "✗",
        "in_progress": "…",
        "pending": "·",
        "open": "·",
        "blocked": "!",
        "deferred": "◇",
        "connecting": "↻",
        "retrying": "↻",
        "down": "✗",
        "denied": "✗",
    },
    cursor="›",
    ellipsis="…",
    rule="─",
    branch="├─",
    last_branch="└─",
    bar_critical="█",
    bar="▒",
    bar_waiting="·",
    bar_end="▸",
    meter_full="━",
    meter_empty="─",
    critical="◆",
    separator="·",
    times="×",
    arrow="→",
    crumb="›",
    warning="!",
    ascending="▴",
    descending="▾",
    sparks="▁▂▃▄▅▆▇█",
)

ASCII: Final = Glyphs(
    ascii_only=True,
    states={
        "live": "*",
        "stale": "~",
        "archived": "o",
        "draining": "v",
        "left": "o",
        "frozen": "#",
        "accept": "+",
        "approved": "+",
        "done": "+",
        "reject": "x",
        "rejected": "x",
        "failed": "x",
        "timeout": "x",
        "terminated": "x",
        "cancelled": "x",
        "in_progress": ">",
        "pending": ".",
        "open": ".",
        "blocked": "!",
        "deferred": "-",
        "connecting": "@",
        "retrying": "@",
        "down": "x",
        "denied": "x",
    },
    cursor=">",
    ellipsis="~",
    rule="-",
    branch="|-",
    last_branch="`-",
    bar_critical="#",
    bar="=",
    bar_waiting=".",
    bar_end=">",
    meter_full="#",
    meter_empty="-",
    critical="*",
    separator="|",
    times="x",
    arrow="->",
    crumb=">",
    warning="!",
    ascending="^",
    descending="v",
    sparks="_.-:=+*#",
)
