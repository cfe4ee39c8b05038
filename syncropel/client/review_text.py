"""Reviews in words, and the lines of a patch that notes quote; shared by the command line and the console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from syncropel.wire import NoteOut, ReviewOut

_SHORT: Final = 12
_WORDS: Final = {"accept": "approved", "reject": "rejected"}
_HUNK: Final = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def review_words(review: ReviewOut) -> str:
    """`attempt 1 rejected by DID at 0123456789ab: what was said of the whole`, in one line or more."""
    word = _WORDS.get(review.verdict, review.verdict)
    at = f" at {review.commit[:_SHORT]}" if review.commit else ""
    said = review.text or (f"{len(review.notes)} notes" if len(review.notes) > 1 else "")
    if not said and review.notes:
        said = note_words(review.notes[0])
    return f"attempt {review.attempt} {word} by {review.by}{at}{f': {said}' if said else ''}"


def note_words(note: NoteOut) -> str:
    """`path:12 — quoted line — note`"""
    place = note.path if note.line is None else f"{note.path}:{note.line}"
    if note.side == "old":
        place += " (before the change)"
    return " — ".join(filter(None, (place, f"`{note.quote}`" if note.quote else "", note.text)))


def patch_lines(patch: str) -> Iterator[tuple[str, str, int, str]]:
    """The lines that a patch of git shows: `new` or `old`, the file, the line's number, and its text. A line
    that is in both files comes twice.
    """
    names = {"old": "", "new": ""}
    at, left = {"old": 0, "new": 0}, {"old": 0, "new": 0}
    for line in patch.split("\n"):
        if left["old"] > 0 or left["new"] > 0:
            sides = {" ": ("old", "new"), "-": ("old",), "+": ("new",)}.get(line[:1], ())
            for side in sides:
                yield side, names[side], at[side], line[1:]
                at[side] += 1
                left[side] -= 1
        elif (hunk := _HUNK.match(line)) is not None:
            old, olds, new, news = hunk.groups()
            at = {"old": int(old), "new": int(new)}
            left = {"old": int(olds or 1), "new": int(news or 1)}
        elif line.startswith(("--- ", "+++ ")):
            names["old" if line[0] == "-" else "new"] = _file(line[4:])


def _file(name: str) -> str:
    """The path in a line `--- a/path` or `+++ b/path`; git quotes odd ones, which stay as they are."""
    plain = name.split("\t")[0]
    return plain[2:] if plain[:2] in ("a/", "b/") else plain
