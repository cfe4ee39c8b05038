"""What a review is called, and how a note reads, in hints and wherever reviews are shown."""

from __future__ import annotations

from typing import Final

_VERDICTS: Final = {"accept": "approved", "reject": "rejected"}


def verdict_word(verdict: str) -> str:
    """`approved`, `rejected`, or the word itself, of a later version."""
    return _VERDICTS.get(verdict, verdict)


def note_line(text: str, path: str, line: int | None, side: str, quote: str) -> str:
    """`path:12 — quoted line — note`; only the note where it has no place."""
    place = path if line is None else f"{path}:{line}"
    if side == "old":
        place += " (before the change)"
    return " — ".join(filter(None, (place, f"`{quote}`" if quote else "", text)))
