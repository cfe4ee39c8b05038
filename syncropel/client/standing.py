"""How a subtask stands, in the word that is so: for the command line and the console alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncropel.wire import ChildOut


def standing(child: ChildOut) -> str:
    """Its state; of one without a result whether it only waits, is lost, or was passed over: queued, lost,
    not_begun, not_spawned."""
    return child.standing or ("queued" if child.queued and child.state == "in_progress" else child.state)
