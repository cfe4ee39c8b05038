"""The values of literals, from their source text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from syncropel.cel.values import MAX_INT, MAX_UINT, MIN_INT, UInt

_MAX_DIGITS: Final = 400
_ESCAPE: Final = re.compile(
    r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([abfnrtv\\?\"'`]))"
)
_SHORT: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read_literal(kind: str, text: str) -> Any:
    """The value of a literal. Raises ValueError when it is out of range, or not a character."""
    return _READERS[kind](text)


def _integer(text: str, least: int = MIN_INT, most: int = MAX_INT) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(text)
    value = int(text, 16 if "x" in text.lower() else 10)
    if not least <= value <= most:
        raise ValueError(text)
    return value


def _double(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(text)
    return value


def _unquoted(text: str) -> tuple[bool, str]:
    """Whether a text is raw, and its content between the quotes."""
    raw = text[0] in "rR"
    body = text[1:] if raw else text
    quotes = 3 if body[:3] in ('"""', "'''") else 1
    return raw, body[quotes:-quotes]


def _text(text: str) -> str:
    raw, inner = _unquoted(text)
    found = inner if raw else _ESCAPE.sub(_character, inner)
    found.encode()  # a lone surrogate is not a character
    return found


def _character(match: re.Match[str]) -> str:
    two, four, eight, octal, short = match.groups()
    if short is not None:
        return _SHORT.get(short, short)
    if octal is not None:
        return chr(int(octal, 8))
    return chr(int(two or four or eight, 16))  # raises ValueError beyond the last code point


def _bytes(text: str) -> bytes:
    raw, inner = _unquoted(text[1:])
    if raw:
        return inner.encode()
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(inner):
        parts.append(inner[at : match.start()].encode())
        two, four, eight, octal, short = match.groups()
        if four is not None or eight is not None:
            raise ValueError(text)  # bytes literals have no such escapes
        if short is not None:
            parts.append(_SHORT.get(short, short).encode())
        else:
            parts.append(bytes([int(octal, 8) if octal is not None else int(two, 16)]))
        at = match.end()
    parts.append(inner[at:].encode())
    return b"".join(parts)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "BOOL_LIT": lambda text: text == "true",
    "BYTES_LIT": _bytes,
    "FLOAT_LIT": _double,
    "INT_LIT": _integer,
    "MLSTRING_LIT": _text,
    "NULL_LIT": lambda text: None,
    "STRING_LIT": _text,
    "UINT_LIT": lambda text: UInt(_integer(text[:-1], 0, MAX_UINT)),
}
