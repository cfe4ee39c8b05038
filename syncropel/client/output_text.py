"""Output as lines that are safe to show: a goal may write what a terminal would obey."""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

MAX_LINE_CHARS: Final = 16_384
"""A longer line is shown as several."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;:]*m")
_TAB: Final = "    "
_JOINERS: Final = "\u200c\u200d"
"""Scripts and emoji need these two; they show nothing by themselves."""


class OutputLines:
    """Takes the bytes of an output as they come and gives its lines, each made safe."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def add(self, data: bytes) -> list[str]:
        """The lines that these bytes complete."""
        return self._take(self._rest + self._decoder.decode(data))

    def finish(self) -> list[str]:
        """What is left, when no more bytes come."""
        lines = self._take(self._rest + self._decoder.decode(b"", final=True) + "\n")
        self._rest = ""
        return lines if lines != [""] else []

    def _take(self, text: str) -> list[str]:
        # A lone carriage return begins a line, too: what a terminal would write over is not hidden.
        held = text.endswith("\r")
        text = (text[:-1] if held else text).replace("\r\n", "\n").replace("\r", "\n")
        *whole, rest = text.split("\n")
        self._rest = rest + ("\r" if held else "")
        if len(rest) >= MAX_LINE_CHARS:
            whole.append(rest)
            self._rest = ""
        return [
            safe(line[at : at + MAX_LINE_CHARS])
            for line in whole
            for at in range(0, max(1, len(line)), MAX_LINE_CHARS)
        ]


def safe(line: str) -> str:
    """A line without what a terminal obeys or hides: colours are left out, all else shows as an escape."""
    line = _COLOUR.sub("", line).replace("\t", _TAB)
    if line.isprintable():
        return line
    return "".join(char if _is_shown(char) else _escape(char) for char in line)


def _is_shown(char: str) -> bool:
    return char.isprintable() or char in _JOINERS or unicodedata.category(char) == "Zs"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
