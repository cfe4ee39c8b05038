"""What a command prints, and where: text with a little colour, or JSON.

Text that came from a record may hold anything; it is shown without its control characters.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from argparse import Namespace

    from pydantic import BaseModel

_COLOURS: Final = {"✓": "32", "✗": "31", "◇": "36"}
"""Colour of a line's leading glyph (ANSI SGR). The glyph and the words say it too."""

_PLAIN_GLYPHS: Final = {
    "✓": "+",
    "✗": "x",
    "◇": "*",
    "→": "->",
    "·": "|",
    "×": "x",
    "—": "-",
    "…": "...",
    "≥": ">=",
    "≤": "<=",
    "≠": "#",
    "└": "`",
    "├": "|",
    "│": "|",
    "─": "-",
    "\u2018": "'",
    "\u2019": "'",
}
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ERROR_HANDLER: Final = "spl-plain"


def _degrade(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN_GLYPHS.get(char, "?") for char in text), error.end


def prepare_streams() -> None:
    """Let stdout and stderr replace what their encoding cannot write, instead of failing on it."""
    codecs.register_error(_ERROR_HANDLER, _degrade)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


def clean(text: str) -> str:
    """One line without control characters: breaks and tabs become spaces, the rest a visible mark."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", " ").translate({9: " ", 10: " ", 13: " "}))


def is_json(args: Namespace) -> bool:
    """Whether the answer is wanted as JSON (`-o json`)."""
    return getattr(args, "output", "text") == "json"


def say(*lines: str, stream: TextIO | None = None) -> None:
    """Print lines of text, each cleaned, its leading glyph coloured where colour is wanted."""
    out = stream or sys.stdout
    colour = _wants_colour(out)
    for line in lines:
        text = clean(line)
        out.write((_paint(text) if colour else text) + "\n")
    out.flush()


def complain(message: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and what to do about it."""
    say(f"spl: {message}", *(f"  {line}" for line in hint.splitlines()), stream=sys.stderr)


def print_json(value: BaseModel | Mapping[str, Any]) -> None:
    """Print a wire model, or a document made of such, as JSON that any encoding of stdout can carry."""
    document = value if isinstance(value, Mapping) else value.model_dump(mode="json")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    sys.stdout.write(json.dumps(document, ensure_ascii=encoding != "utf8", indent=2) + "\n")
    sys.stdout.flush()


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Lines of a table whose columns are as wide as their widest cell, the last one ragged."""
    cells = [header, *([clean(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _wants_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _paint(line: str) -> str:
    start = len(line) - len(line.lstrip())
    code = _COLOURS.get(line[start : start + 1])
    if code is None:
        return line
    return f"{line[:start]}\x1b[{code}m{line[start]}\x1b[0m{line[start + 1 :]}"
