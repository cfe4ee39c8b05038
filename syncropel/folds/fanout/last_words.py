"""An attempt's final message in one line: its last meaningful line, and how its process ended."""

from __future__ import annotations

import re
from typing import Final

_ENDING: Final = re.compile(r"exit status \d+|ended by SIG[A-Z0-9]+")
MOST: Final = 200
"""Characters kept."""


def last_words(summary: str) -> str:
    """The last line that contains a letter or digit; if it only states the exit, the one before it as well.

    `Error: links are dead (exit status 3)`. Empty when nothing was said.
    """
    said = [line.strip() for line in summary.splitlines() if any(char.isalnum() for char in line)]
    if not said:
        return ""
    ending = said.pop() if _ENDING.fullmatch(said[-1]) else ""
    if not said:
        return ending
    line = said[-1] if len(said[-1]) <= MOST else f"{said[-1][: MOST - 1]}…"
    return f"{line} ({ending})" if ending else line
