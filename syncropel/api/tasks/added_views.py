"""Subtasks that agents asked for, as the API shows them."""

from __future__ import annotations

from typing import Final

from syncropel.folds.fanout.state import FanOut
from syncropel.wire.tasks import AddedByOut, RefusedSubtaskOut

MOST_REFUSED: Final = 20
_MOST_GOAL: Final = 400


def added_by(fanout: FanOut, index: int) -> AddedByOut | None:
    """Who asked for this subtask; None when an operator did."""
    added = fanout.additions.added.get(index)
    if added is None:
        return None
    asking, attempt = added.by
    return AddedByOut(index=asking, attempt=attempt, depth=added.depth, at=added.at)


def refused(fanout: FanOut) -> list[RefusedSubtaskOut]:
    """The latest that were asked for in vain, the oldest of them first."""
    found = [
        RefusedSubtaskOut(
            index=request.index,
            attempt=request.attempt,
            goal=request.wanted.goal[:_MOST_GOAL],
            reason=decided.reason,
            at=decided.at,
        )
        for about, decided in fanout.additions.decided.items()
        if decided.index is None and (request := fanout.additions.asked.get(about)) is not None
    ]
    return sorted(found, key=lambda one: one.at)[-MOST_REFUSED:]
