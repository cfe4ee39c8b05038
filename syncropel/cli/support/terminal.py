"""What a command prints, and where: text with a little colour, or JSON.

Text from a record may contain anything; it is shown without its control characters.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TextIO

from syncropel.cli.support.documents import TEXT, as_json, as_yaml, names_in, wide
from syncropel.errors import WARNING, SyncropelError, complaint

if TYPE_CHECKING:
    from argparse import Namespace

    from pydantic import BaseModel

_COLOURS: Final = {"✓": "32", "✗": "31", "◇": "36"}
"""Colour of a line's leading glyph (ANSI SGR). The glyph and the text say the same."""

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
_CONTROLS: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f]"
)
"""What a terminal would act on, and what it would show as nothing; joiners of scripts and emoji stay."""
_ERROR_HANDLER: Final = "spl-plain"
_errors_as_json = False
_form, _names = TEXT, ()
"""What `print_json` makes of a document, and which fields name the items of a list."""


class OutputFailed(SyncropelError):
    """Raised when stdout cannot be written: it is closed, or its disk is full."""

    code = "OUTPUT_FAILED"


class _Closed(io.TextIOBase):
    """Stands in for a stdout that was closed before we began (`>&-`)."""

    def write(self, _: str, /) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _degrade(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN_GLYPHS.get(char, "?") for char in text), error.end


def prepare_streams() -> None:
    """Let stdout and stderr replace characters that their encoding lacks, instead of failing."""
    codecs.register_error(_ERROR_HANDLER, _degrade)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _fill_closed()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


def _fill_closed() -> None:
    """Open replacements for closed standard streams: otherwise the next file or socket would get their
    number, and receive text meant for the stream.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or _Closed()
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)


def tell_errors_as_json(wanted: bool) -> None:
    """Set whether `complain` writes JSON from now on, one document per line."""
    global _errors_as_json
    _errors_as_json = wanted


def errors_are_json() -> bool:
    """Whether `complain` writes JSON: a process that this one runs is to do the same."""
    return _errors_as_json


def clean(text: str) -> str:
    """One line without control characters: line breaks and tabs become spaces, the rest a visible mark."""
    return _CONTROLS.sub("\ufffd", text.replace("\r\n", " ").translate({9: " ", 10: " ", 13: " "}))


def choose_form(args: Namespace) -> None:
    """Let `print_json` print what this command line asks for (`-o`)."""
    global _form, _names
    _form, _names = getattr(args, "output", TEXT), getattr(args, "list_names", ())


def is_json(args: Namespace) -> bool:
    """Whether a document is wanted in place of text (`-o json`, or what is made from that)."""
    return getattr(args, "output", TEXT) != TEXT


def say(*lines: str, stream: TextIO | None = None) -> None:
    """Print lines of text, each cleaned, with its leading glyph coloured if colour is wanted."""
    out = stream or sys.stdout
    colour = _wants_colour(out)
    texts = [clean(line) for line in lines]
    write(out, "".join((_paint(text) if colour else text) + "\n" for text in texts))


def complain(message: str, hint: str = "", *, error: SyncropelError | None = None) -> None:
    """Report on stderr what went wrong, and what to do about it; `error` adds details to the JSON form."""
    if not _errors_as_json:
        say(*complaint(message, hint), stream=sys.stderr)
        return
    kind = "warning" if message.startswith(WARNING) else "error"
    more = error.envelope() if error is not None else {"type": "failed", "code": "FAILED"}
    _complain_in_json(kind, message.removeprefix(WARNING), hint, more if kind == "error" else {})


def tell(message: str, hint: str = "") -> None:
    """Report progress on stderr, leaving stdout for the answer."""
    if _errors_as_json:
        _complain_in_json("notice", message, hint, {})
    else:
        say(message, *(f"  {line}" for line in hint.splitlines()), stream=sys.stderr)


def _complain_in_json(kind: str, message: str, hint: str, more: Mapping[str, Any]) -> None:
    document = {**more, "object": kind, "message": message, "hint": hint}
    write(sys.stderr, json.dumps(document) + "\n")


def finish() -> None:
    """Write what stdout still buffers. Raises as `say` does."""
    write(sys.stdout, "")


def write(out: TextIO, text: str) -> None:
    """Write and flush. Raises OutputFailed when stdout cannot be written, BrokenPipeError without
    a reader."""
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if out is sys.stdout:
            raise OutputFailed(f"cannot write the output: {error.strerror}") from None


def write_bytes(data: bytes) -> None:
    """Write raw bytes to stdout. Raises as `write`."""
    out = getattr(sys.stdout, "buffer", None)
    if out is None:  # stdout was closed before we began
        write(sys.stdout, "\n")
        return
    sys.stdout.flush()
    try:
        out.write(data)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(f"cannot write the output: {error.strerror}") from None


def print_json(value: BaseModel | Mapping[str, Any]) -> None:
    """Print a wire model, or a document of such, in the form that `choose_form` was told; as JSON it is such
    that any encoding of stdout can represent it.
    """
    document = value if isinstance(value, Mapping) else value.model_dump(mode="json")
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    if _form == "yaml":
        write(sys.stdout, as_yaml(document, ascii_only=ascii_only))
    elif _form == "name":
        say(*names_in(document, _names))
    elif _form == "wide":
        say(*table(*wide(document)))
    else:
        write(sys.stdout, as_json(document, ascii_only=ascii_only))


def print_json_line(document: Mapping[str, Any]) -> None:
    """Print one of many documents: as JSON each on its own line."""
    told = f"---\n{as_yaml(document, ascii_only=True)}" if _form == "yaml" else json.dumps(document) + "\n"
    write(sys.stdout, told)


def table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Lines of a table whose columns are as wide as their widest cell; the last column is ragged."""
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
