"""The true state of a subtask in one word, shared by the command line and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire import ChildOut


def standing(child: ChildOut) -> str:
    """Its state; for one without a result, whether it only waits, waits for an answer, is lost, or was passed
    over: queued, asks, lost, not_begun, not_spawned.
    """
    if child.standing or child.state != "in_progress":
        return child.standing or child.state
    return "asks" if child.asks is not None else "queued" if child.queued else child.state
