"""Attempts side by side, and their reviews, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from syncropel.cli.support.numbers import dollars, duration
from syncropel.cli.support.terminal import clean, table
from syncropel.cli.text.thread import when
from syncropel.client.review_text import note_words, review_words
from syncropel.wire.review_words import verdict_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from syncropel.wire import AttemptList, AttemptOut, ReviewOut, ReviewTaken

_SHORT: Final = 12
_UNKNOWN: Final = "?"
_MOST_REVIEWS: Final = 3
_HEADER: Final = [
    "ATTEMPT",
    "RESULT",
    "FILES",
    "LINES",
    "COST",
    "TIME",
    "TOKENS",
    "WORKER",
    "COMMIT",
    "REVIEW",
]


def attempts_lines(name: str, found: AttemptList) -> list[str]:
    """The output of `spl task review`."""
    lines = [clean(f"{name} [{found.index}] {found.goal}")]
    lines += table(_HEADER, [_row(one) for one in found.data]) if found.data else ["  no attempt has begun"]
    if not found.data or found.data[-1].attempt != found.latest:
        lines.append(f"  attempt {found.latest} is {found.state}, and given to no instance yet")
    for one in found.data:
        lines += [f"  {one.attempt}: {clean(one.last_words)}"] if one.last_words else []
    for one in found.data:
        for review in one.reviews:
            lines += ["", *review_lines(review)]
    return [*lines, "", *_next(name, found)]


def _next(name: str, found: AttemptList) -> list[str]:
    """What can be done now, or why it cannot."""
    lines = [f"  Diff: spl task diff {name} {found.index}"]
    if found.not_approvable:
        return [*lines, clean(f"  {found.not_approvable}")]
    lines.append(f"  Approve: spl task approve {name} {found.index}")
    if found.not_rejectable:
        return [*lines, clean(f"  It cannot be rejected: {found.not_rejectable}")]
    lines.append(f"  Reject: spl task reject {name} {found.index} --note 'PATH:LINE TEXT'")
    if found.dependents:
        began = ", ".join(f"[{one}]" for one in found.dependents)
        lines.append(f"  Subtasks that depend on it have begun: {began}; rejecting it needs --anyway")
    return lines


def _row(one: AttemptOut) -> list[str]:
    left = one.worktree
    cost = dollars(one.cost_usd)
    last = one.reviews[-1] if one.reviews else None
    return [
        str(one.attempt),
        one.state,
        str(left.files) if left else "-",
        f"+{left.insertions} -{left.deletions}" if left else "-",
        (f">{cost}" if one.cost_usd else _UNKNOWN) if one.cost_unknown else cost,
        duration(one.wall_time_secs) if one.wall_time_secs is not None else "-",
        f"{one.tokens:,}" if one.tokens is not None else "-",
        one.instance_alias or one.instance,
        left.commit[:_SHORT] if left else "-",
        verdict_word(last.verdict) if last else "-",
    ]


def review_lines(review: ReviewOut) -> list[str]:
    """A review with all its notes."""
    word = verdict_word(review.verdict)
    lines = [clean(f"Attempt {review.attempt} {word} by {review.by}, {when(review.at)}")]
    lines += [f"  {clean(line)}" for line in review.text.splitlines()]
    return [*lines, *(f"  {clean(note_words(one))}" for one in review.notes)]


def reviews_lines(reviews: Sequence[ReviewOut]) -> list[str]:
    """Reviews in a task's description, the latest first; empty without any."""
    lines = [f"  [{one.index}] {clean(review_words(one))}" for one in reviews[:_MOST_REVIEWS]]
    more = len(reviews) - _MOST_REVIEWS
    return ["Reviews:", *lines, *([f"  and {more} before"] if more > 0 else [])] if lines else []


def short_lines(reviews: Sequence[ReviewOut]) -> list[str]:
    """The last reviews of a subtask, each in a line, for `spl task join-status`."""
    lines = [f"review: {clean(review_words(one))}" for one in reviews[-_MOST_REVIEWS:]]
    more = len(reviews) - _MOST_REVIEWS
    return [*([f"reviews: {more} more before these"] if more > 0 else []), *lines]


def taken_lines(name: str, taken: ReviewTaken) -> list[str]:
    """The output of `spl task approve NAME N` and `spl task reject NAME N`."""
    one = taken.review
    at = f" at {one.commit[:_SHORT]}" if one.commit else ""
    lines = [
        f"✓ {name} [{one.index}] attempt {one.attempt}{at} {verdict_word(one.verdict)}",
        f"  record: {one.id}",
    ]
    if taken.next_attempt is not None:
        lines += [f"  Attempt {taken.next_attempt} begins, and is told:"]
        lines += [f"    {clean(line)}" for line in taken.hint.splitlines()]
        lines += [
            f"  [{other}] has begun with the rejected result, and keeps its own; "
            f"to run it again: spl task reject {name} {other}"
            for other in taken.dependents
        ]
        lines.append(f"  Watch progress: spl task join-status {name}")
    return lines
