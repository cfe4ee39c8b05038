"""Letters that occur in a text in this order, with others between: how well, and where."""

from __future__ import annotations

from typing import Final

_WORD, _RUN, _FIRST = 8, 9, 4
"""Points for a letter at the beginning of a word, right after the one before, and at the very beginning.
A run is worth more than as many initials.
"""
_GAP: Final = 20
"""A gap never costs more letters than this."""


def places(letters: str, text: str) -> list[int] | None:
    """Where the letters stand, each as close to the one before as there is room for; None when they are not
    all there. Both in lower case.
    """
    found: list[int] = []
    at = -1
    for letter in letters:
        at = text.find(letter, at + 1)
        if at < 0:
            return None
        found.append(at)
    # From the last letter backwards the others move up: the shortest stretch that ends there.
    for place in range(len(found) - 2, -1, -1):
        found[place] = text.rfind(letters[place], 0, found[place + 1])
    return found


def score(letters: str, text: str) -> float | None:
    """How well they match: the higher, the better; None when they are not all there."""
    found = places(letters, text)
    if found is None:
        return None
    points = 0.0
    for number, at in enumerate(found):
        before = found[number - 1] if number else None
        points += _FIRST if at == 0 else 0
        points += _WORD if at == 0 or not text[at - 1].isalnum() else 0
        if before is not None:
            points += _RUN if at == before + 1 else -min(_GAP, at - before - 1) / 4
    return points - min(len(text), 80) / 80
