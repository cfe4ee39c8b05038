"""Decides about the subtasks that running agents ask for, and has their instances told."""

from __future__ import annotations

import logging

from syncropel.engine.fanout.delivery import Delivery
from syncropel.engine.fanout.spawn import child_addition
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.additions import ADDED
from syncropel.folds.fanout.clocks import free_clocks
from syncropel.folds.fanout.state import FanOut
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.runtime import Runtime
from syncropel.policy.adding import decision, refusal
from syncropel.record.model import Record

log = logging.getLogger("syncropel.engine.adding")


class Adder:
    """What is asked for and decided follows from the log: it may be stopped anywhere and run again."""

    def __init__(self, ingest: Ingest, delivery: Delivery, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._delivery = delivery
        self._did = did
        self._runtime = runtime

    async def decide(self, state: TaskState) -> bool:
        """Decide about the request that has waited longest; return whether anything was written. The next one
        is judged by what this one leaves.
        """
        fanout = state.fanout
        waiting = fanout.additions.waiting() if fanout is not None else []
        if fanout is None or not waiting:
            return False
        request = waiting[0]
        why = refusal(fanout, request, self._ingest.live.control.covering(fanout.spec.namespace))
        body = {**decision(fanout, request, why), "at": self._runtime.now()}
        clock = next(free_clocks(fanout, state.clock, self._did))
        record = Record(state.thread, self._did, "LEARN", body, clock, (fanout.intend,)).identified()
        (outcome,) = await self._ingest.append([record])
        name, where = f"{state.alias or state.thread} [{request.index}]", {"thread_id": state.thread}
        if isinstance(outcome, SyncropelError):
            log.error("%s: cannot decide about a subtask: %s", name, outcome.message, extra=where)
            return False
        if body["topic"] == ADDED:
            again = "" if "subtask" in body else " before"
            log.info("%s: its agent added [%d]%s", name, body["index"], again, extra=where)
        else:
            log.warning("%s: its agent may not add a subtask: %s", name, why, extra=where)
        return True

    def deliver(self, fanout: FanOut) -> None:
        """Have the instances told whose agents may still wait."""
        additions = fanout.additions
        if not additions.by_intend:
            return
        for slot, spawn in fanout.unreported.items():
            asked = additions.by_intend.get(spawn.child_intend)
            if not asked or fanout.end_reason(*slot):
                continue
            for about in sorted(asked & additions.decided.keys()):
                request = additions.asked[about]
                if request.slot == slot and not self._delivery.knows(about):
                    told = child_addition(fanout, request, additions.decided[about], self._did)
                    self._delivery.send(fanout.thread, about, spawn.instance, told)
