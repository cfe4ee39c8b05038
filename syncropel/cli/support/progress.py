"""How far a long command has come: one line on stderr that replaces itself, where stderr is a terminal."""

from __future__ import annotations

import sys
from typing import Final, Self

_CLEAR: Final = "\r\x1b[K"


class Progress:
    """The line, which is gone when the command ends, also by Ctrl-C. Without a terminal it does nothing."""

    def __init__(self) -> None:
        self._on_screen = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, text: str) -> None:
        """Show this line in place of the one before. `text` is the command's own, and short."""
        if self._on_screen:
            self.clear()
            print(text, end="", file=sys.stderr, flush=True)
            self._shown = True

    def clear(self) -> None:
        """Remove the line: before anything else is printed."""
        if self._shown:
            print(_CLEAR, end="", file=sys.stderr, flush=True)
            self._shown = False
