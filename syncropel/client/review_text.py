"""Reviews in words, shared by the command line and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.wire.review_words import note_line, verdict_word

if TYPE_CHECKING:
    from syncropel.wire import NoteOut, ReviewOut

_SHORT: Final = 12


def review_words(review: ReviewOut) -> str:
    """`attempt 1 rejected by DID at 0123456789ab: what was said`, which may have line breaks."""
    at = f" at {review.commit[:_SHORT]}" if review.commit else ""
    said = review.text or (f"{len(review.notes)} notes" if len(review.notes) > 1 else "")
    if not said and review.notes:
        said = note_words(review.notes[0])
    about = f": {said}" if said else ""
    return f"attempt {review.attempt} {verdict_word(review.verdict)} by {review.by}{at}{about}"


def note_words(note: NoteOut) -> str:
    """`path:12 — quoted line — note`"""
    return note_line(note.text, note.path, note.line, note.side, note.quote)
