"""Reviews of attempts as the API returns them."""

from __future__ import annotations

from syncropel.folds.fanout.reviews import Review
from syncropel.folds.fanout.state import FanOut
from syncropel.wire import NoteOut, ReviewOut


def reviews_of(fanout: FanOut, index: int, attempt: int | None = None) -> list[ReviewOut]:
    """The reviews of an attempt, or of all attempts at a subtask, the oldest first."""
    return [review_out(one) for one in fanout.reviews.of(index, attempt)]


def all_reviews(fanout: FanOut) -> list[ReviewOut]:
    """The reviews of all subtasks, the latest first."""
    found = [review_out(one) for listed in fanout.reviews.by_index.values() for one in listed]
    return sorted(found, key=lambda one: one.at, reverse=True)


def review_out(review: Review) -> ReviewOut:
    """One review."""
    said = review.said
    return ReviewOut(
        id=review.record,
        index=said.index,
        attempt=said.attempt,
        commit=said.commit,
        verdict=said.verdict,
        by=review.by,
        at=review.at,
        text=said.text,
        notes=[
            NoteOut(text=one.text, path=one.path, line=one.line, side=one.side, quote=one.quote)
            for one in said.notes
        ],
    )
