"""The true state of a subtask in one word, shared by the command line and the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire import ChildOut


def standing(child: ChildOut) -> str:
    """Its state; for one without a result, whether it only waits, is lost, or was passed over: queued, lost,
    not_begun, not_spawned.
    """
    return child.standing or ("queued" if child.queued and child.state == "in_progress" else child.state)
