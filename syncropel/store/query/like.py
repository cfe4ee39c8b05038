"""`$like`: patterns where `%` matches any text, `_` any one character, and a backslash escapes either."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Final

MAX_PATTERN: Final = 256
MAX_SINGLE: Final = 16
"""Limit on the `_` of a pattern: each is one more check at every position of a text."""

_Piece = tuple[int, str]
"""The offset of a literal text in its run, and the text."""


def compile_like(pattern: str, fold: bool) -> Callable[[str], bool]:
    """A test of whole texts against the pattern; with `fold` case is ignored.

    It takes time proportional to the text, whatever the pattern: a backtracking matcher would let one query
    occupy a processor for hours. Raises ValueError, saying what is wrong, for a pattern over a limit.
    """
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern of {len(pattern)} characters is over the limit of {MAX_PATTERN}")
    tokens = _tokens(pattern.casefold() if fold else pattern)
    if tokens.count(None) > MAX_SINGLE:
        raise ValueError(f"{tokens.count(None)} times _ in a pattern is over the limit of {MAX_SINGLE}")
    runs = [_Run(list(group)) for many, group in groupby(tokens, key=lambda token: token == "%%") if not many]
    open_start, open_end = tokens[:1] == ["%%"], tokens[-1:] == ["%%"]

    def matches(text: str) -> bool:
        return _matches(runs, open_start, open_end, text.casefold() if fold else text)

    return matches


def _tokens(pattern: str) -> list[str | None]:
    """Single characters; None for any one character, `%%` for any text."""
    tokens: list[str | None] = []
    characters = iter(pattern)
    for one in characters:
        if one == "\\":
            tokens.append(next(characters, "\\"))
        elif one == "_":
            tokens.append(None)
        else:
            tokens.append("%%" if one == "%" else one)
    return tokens


class _Run:
    """The part between two `%`: a fixed number of characters, some of them free."""

    def __init__(self, tokens: list[str | None]) -> None:
        self.length = len(tokens)
        self._pieces: list[_Piece] = []
        at = 0
        for free, group in groupby(tokens, key=lambda token: token is None):
            part = [token or "" for token in group]
            if not free:
                self._pieces.append((at, "".join(part)))
            at += len(part)

    def at(self, text: str, start: int) -> bool:
        """Whether it matches at this position."""
        return 0 <= start <= len(text) - self.length and all(
            text.startswith(piece, start + offset) for offset, piece in self._pieces
        )

    def find(self, text: str, start: int, end: int) -> int:
        """The first position from `start` on where it matches and ends by `end`; -1 when there is none."""
        if not self._pieces:
            return start if start + self.length <= end else -1
        offset, first = self._pieces[0]
        while start + self.length <= end:
            found = text.find(first, start + offset, end) - offset
            if found < start or found + self.length > end:
                return -1
            if self.at(text, found):
                return found
            start = found + 1
        return -1


def _matches(runs: list[_Run], open_start: bool, open_end: bool, text: str) -> bool:
    if not runs:
        return open_start or not text
    start, end, between = 0, len(text), list(runs)
    if not open_start:
        first = between.pop(0)
        if not first.at(text, 0):
            return False
        start = first.length
        if not between and not open_end:
            return start == end
    if not open_end:
        last = between.pop()
        end -= last.length
        if end < start or not last.at(text, end):
            return False
    # The leftmost position of each run leaves the most room to those after it.
    for run in between:
        found = run.find(text, start, end)
        if found < 0:
            return False
        start = found + run.length
    return True
