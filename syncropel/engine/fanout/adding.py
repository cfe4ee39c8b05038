"""Decides about the subtasks that running agents ask for."""

from __future__ import annotations

import logging

from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.additions import ADDED
from syncropel.folds.fanout.clocks import free_clocks
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.runtime import Runtime
from syncropel.policy.adding import decision, refusal
from syncropel.record.model import Record

log = logging.getLogger("syncropel.engine.adding")


class Adder:
    """What is asked for and decided follows from the log: it may be stopped anywhere and run again."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._problem = ""
        """Why the latest decision could not be written: said once, and tried again at every look."""

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
            if self._problem != (problem := f"{name}: {outcome.message}"):
                self._problem = problem
                log.error("%s: cannot decide about a subtask: %s", name, outcome.message, extra=where)
            return False
        self._problem = ""
        if body["topic"] == ADDED:
            again = "" if "subtask" in body else " before"
            log.info("%s: its agent added [%d]%s", name, body["index"], again, extra=where)
        else:
            log.warning("%s: its agent may not add a subtask: %s", name, why, extra=where)
        return True
