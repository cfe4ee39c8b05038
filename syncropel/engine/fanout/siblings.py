"""What an attempt may know of the other subtasks of its task: asked of whoever coordinates it."""

from __future__ import annotations

from typing import Any, Final

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import Conflict, NotFound
from syncropel.folds.fanout.child import ChildIntend
from syncropel.folds.fanout.state import FanOut, Spawn
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.peer.peers import Peers

MOST_SUBTASKS: Final = 50
MOST_TEXT: Final = 16_000
"""Characters of all summaries together."""
MOST_GOAL: Final = 400
_SEE: Final = "see: spl task list"


class Siblings:
    """Asks the coordinator, or looks itself where the task is its own."""

    def __init__(self, ingest: Ingest, peers: Peers, did: str, coordinator_url: str) -> None:
        self._ingest = ingest
        self._peers = peers
        self._did = did
        self._url = coordinator_url

    async def of(self, intend: ChildIntend) -> dict[str, Any]:
        """The other subtasks of this attempt's task. Raises SyncropelError."""
        parent = str(intend.body["parent_thread"])
        if intend.body.get("coordinator") == self._did or not self._url:
            fanout, spawn = attempt_of(self._ingest, parent, intend.record)
            return siblings_of(fanout, spawn)
        return await self._peers.siblings(self._url, parent, intend.record)


def attempt_of(ingest: Ingest, thread: str, child_intend: str) -> tuple[FanOut, Spawn]:
    """The fan-out on this thread, and one of its current attempts by its INTEND.

    Raises NotFound, and Conflict for an attempt that has ended.
    """
    state = ingest.live.tasks.get(thread)
    fanout = state.fanout if state is not None else None
    spawns = fanout.spawns.items() if fanout is not None else ()
    slot, spawn = next((one for one in spawns if one[1].child_intend == child_intend), (None, None))
    if fanout is None or slot is None or spawn is None:
        raise NotFound("there is no such attempt here", _SEE)
    if why := fanout.over(slot):
        raise Conflict(f"nothing is told to this attempt: {why}", _SEE)
    return fanout, spawn


def siblings_of(fanout: FanOut, spawn: Spawn) -> dict[str, Any]:
    """The subtasks of a fan-out but the attempt's own (fields of the wire model `SiblingsOut`)."""
    children = [one for one in fan_out_children(fanout) if one.spawn != spawn]
    told = children[:MOST_SUBTASKS]
    each = MOST_TEXT // max(1, len(told))
    rows = [
        {
            "index": one.index,
            "attempt": one.attempt,
            "goal": one.subtask.goal[:MOST_GOAL],
            "state": one.state,
            "summary": one.report.summary[:each] if one.report is not None else "",
        }
        for one in told
    ]
    return {"subtasks": rows, "left_out": len(children) - len(told)}
