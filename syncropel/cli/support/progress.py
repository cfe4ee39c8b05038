"""Progress on a terminal, as a line that is replaced; elsewhere as plain lines, a few."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self, TextIO

from syncropel.cli.support.terminal import clean, say

FIRST_PLAIN_SECS: Final = 5.0
"""What is over sooner leaves no lines in a log."""
PLAIN_EVERY_SECS: Final = 10.0


def replace_line(stream: TextIO, line: str) -> None:
    """Show a line in place of the one before; the empty line removes it."""
    # Carriage return, erase to the end of the line: the next line replaces this one, unless it was broken.
    columns = shutil.get_terminal_size().columns
    stream.write(f"\r\x1b[K{clean(line)[: columns - 1]}")
    stream.flush()


@dataclass
class ProgressLines:
    """Shows what it is called with: how far something is, or nothing, when it is over."""

    stream: TextIO
    clock: Callable[[], float] = time.monotonic
    _next_at: float | None = None

    def __call__(self, words: str) -> None:
        if self.stream.isatty():
            replace_line(self.stream, words)
            return
        now = self.clock()
        if self._next_at is None:
            self._next_at = now + FIRST_PLAIN_SECS
        if words and now >= self._next_at:
            self._next_at = now + PLAIN_EVERY_SECS
            say(words, stream=self.stream)


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
            replace_line(sys.stderr, "")
            self._shown = False
