"""From a source to tokens, with the values of its literals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from syncropel.policy.syntax import BadSyntax
from syncropel.policy.values import MAX_INT, MAX_UINT, MIN_INT, UInt


class Token(NamedTuple):
    """A piece of the source. `kind`: name, quoted, literal, number, end, or the operator itself."""

    kind: str
    text: str
    at: int
    value: Any = None


KEYWORDS: Final[dict[str, Any]] = {"true": True, "false": False, "null": None}

_TOKEN: Final = re.compile(
    r"""
      (?P<space>   (?: [\t\n\f\r\ ]+ | //[^\n]* )+ )
    | (?P<text>    (?P<prefix> [bB]?[rR]? )
                   (?: (?<=[rR]) (?: \"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} | \"[^\"\n\r]*\" | '[^'\n\r]*' )
                     | (?<![rR]) (?: \"{3}(?:\\[\s\S]|[^\\])*?\"{3} | '{3}(?:\\[\s\S]|[^\\])*?'{3}
                                   | \"(?:\\[^\n\r]|[^\"\\\n\r])*\" | '(?:\\[^\n\r]|[^'\\\n\r])*' ) ) )
    | (?P<uint>    (?: 0[xX][0-9a-fA-F]+ | [0-9]+ )[uU] )
    | (?P<float>   [0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)? | [0-9]+[eE][+-]?[0-9]+
                 | [0-9]+\.(?:[eE][+-]?[0-9]+ | (?![\w?`.\ \t\n])) )
    | (?P<int>     0[xX][0-9a-fA-F]+ | [0-9]+ )
    | (?P<name>    [_a-zA-Z][_a-zA-Z0-9]* )
    | (?P<quoted>  `[^`\n\r]+` )
    | (?P<sign>    && | \|\| | [=!<>]= | [-+*/%!<>?:.,()\[\]{}] )
    """,
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(
    r"\\(?:[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([abfnrtv\\?\"'`]))"
)
_SHORT: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


def tokens(source: str) -> list[Token]:
    """The tokens of a source, the last of kind `end`. Raises BadSyntax."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise BadSyntax("not a CEL expression", at)
        kind, text = match.lastgroup or "", match[0]
        if kind == "sign":
            found.append(Token(text, text, at))
        elif kind == "name":
            if text in KEYWORDS:
                found.append(Token("literal", text, at, KEYWORDS[text]))
            else:
                found.append(Token("in" if text == "in" else "name", text, at))
        elif kind == "quoted":
            found.append(Token("quoted", text[1:-1], at))
        elif kind != "space":
            found.append(_literal(kind, text, match["prefix"] or "", at))
        at = match.end()
    # An error at the end is shown where the last token is: behind it is nothing to point at.
    found.append(Token("end", "", found[-1].at if found else 0))
    return found


def _literal(kind: str, text: str, prefix: str, at: int) -> Token:
    try:
        value = _READERS[kind](text) if kind != "text" else _text(text, prefix.lower())
    except ValueError:
        raise BadSyntax(f"{text[:40]} is out of range", at) from None
    return Token("literal" if kind == "text" else "number", text, at, value)


def _integer(text: str) -> int:
    # One more than there is, since the sign of the smallest integer is a token of its own.
    if len(text) > 64 or (value := int(text, 16 if text[:2] in ("0x", "0X") else 10)) > MAX_INT + 1:
        raise ValueError
    return value


def _unsigned(text: str) -> UInt:
    digits = text[:-1]
    if len(digits) > 64 or (value := int(digits, 16 if digits[:2] in ("0x", "0X") else 10)) > MAX_UINT:
        raise ValueError
    return UInt(value)


_READERS: Final[dict[str, Callable[[str], Any]]] = {"int": _integer, "uint": _unsigned, "float": float}


def checked(value: int, token: Token) -> int:
    """An integer literal with its sign. Raises BadSyntax beyond 64 bits."""
    if not MIN_INT <= value <= MAX_INT:
        raise BadSyntax(f"{token.text[:40]} is out of range", token.at)
    return value


def _text(text: str, prefix: str) -> str | bytes:
    raw, binary = "r" in prefix, "b" in prefix
    body = text[len(prefix) :]
    quotes = 3 if body[:3] in ('"""', "'''") and len(body) >= 6 else 1
    inner = body[quotes:-quotes]
    if binary:
        return inner.encode() if raw else _unescaped_bytes(inner)
    found = inner if raw else _ESCAPE.sub(_character, inner)
    found.encode()  # a lone surrogate is no character
    return found


def _character(match: re.Match[str]) -> str:
    two, four, eight, octal, short = match.groups()
    if short is not None:
        return _SHORT.get(short, short)
    if octal is not None:
        return chr(int(octal, 8))
    return chr(int(two or four or eight, 16))  # raises ValueError beyond the last character


def _unescaped_bytes(inner: str) -> bytes:
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(inner):
        parts.append(inner[at : match.start()].encode())
        two, four, eight, octal, short = match.groups()
        if four is not None or eight is not None:
            raise ValueError  # bytes have no characters
        if short is not None:
            parts.append(_SHORT.get(short, short).encode())
        else:
            parts.append(bytes([int(octal, 8) if octal is not None else int(two, 16)]))
        at = match.end()
    parts.append(inner[at:].encode())
    return b"".join(parts)
