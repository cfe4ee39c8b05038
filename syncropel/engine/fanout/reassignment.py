"""Moves and ends work when an instance is gone or drains, or money has run out.

Decisions are records on the parent thread, derived from folded state and the latest heartbeats. Made again
after a crash they name the same attempt, and the fold uses the first decision about each attempt.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from syncropel.engine.dispatch.meter import ended_by_coordinator
from syncropel.engine.fanout.lost import LostStarts
from syncropel.engine.fleet.leases import Leases
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.fanout.clocks import free_clocks
from syncropel.folds.fanout.progress import progress_of
from syncropel.folds.fanout.reassignments import (
    BUDGET_EXCEEDED,
    BUDGET_WARNING,
    DRAINED,
    END,
    REASSIGN,
    WARN_SHARE,
    spends,
)
from syncropel.folds.fanout.spec import DYNAMIC_TARGETS
from syncropel.folds.fanout.starts import CRASH_LOOP, loops
from syncropel.folds.fanout.state import CHILD_DONE, FanOut, Spawn
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.fleet.routing import route
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record

log = logging.getLogger("syncropel.engine.moves")

Spending = Callable[[], Mapping[str, float]]
"""Live spend in US dollars, by the id of the child INTEND."""


def spent_usd(fanout: FanOut, spending: Mapping[str, float]) -> float:
    """A fan-out's cost so far: results of all attempts, plus what running ones have reported."""
    running = (spending.get(spawn.child_intend, 0.0) for spawn in fanout.unreported.values())
    return fanout.cost_usd + (sum(running) if spending else 0.0)


class Reassigner:
    """Writes the decisions that move or end subtasks of one fan-out."""

    def __init__(
        self,
        ingest: Ingest,
        leases: Leases,
        spending: Spending,
        held: Callable[[], frozenset[str]],
        did: str,
        runtime: Runtime,
    ) -> None:
        self._ingest = ingest
        self._leases = leases
        self._spending = spending
        self._held = held
        self._did = did
        self._runtime = runtime

    def displaced(self) -> frozenset[tuple[str, str]]:
        """The instances that work has to leave, and why: it changes when there is something to decide."""
        found = {
            (one.did, self._leases.status(one))
            for one in self._ingest.live.registry.instances.values()
            if self._leases.is_gone(one)
        }
        drains, now = self._ingest.live.drains.drains, self._runtime.now()
        return frozenset(found | {(one.record, DRAINED) for one in drains.values() if one.is_due(now)})

    async def write(self, state: TaskState) -> bool:
        """Write the decisions that this fan-out needs now; return whether there were any."""
        fanout = state.fanout
        assert fanout is not None
        bodies = [*self._budget(fanout), *self._moves(fanout)]
        if not bodies:
            return False
        clocks, now = free_clocks(fanout, state.clock, self._did), self._runtime.now()
        records: list[Record] = []
        for body in bodies:
            act, behind = "LEARN", 0
            if body["topic"] == CHILD_DONE:
                # After the clock reserved for the worker's own report: should that come, it counts.
                spawn = fanout.spawns[body["index"], body["attempt"]]
                act, behind = "DO", fanout.reserved(spawn.key[0])
            clock = next(free for free in clocks if free > behind)
            whole = {"at": now, **body, "namespace": fanout.spec.namespace}
            records.append(Record(fanout.thread, self._did, act, whole, clock, (fanout.intend,)))
        written = False
        for body, outcome in zip(bodies, await self._ingest.append(records), strict=True):
            if isinstance(outcome, SyncropelError):
                log.error("cannot write %s: %s", body["topic"], outcome.message)
            else:
                written = True
                log.warning("%s", _told(state, body), extra={"thread_id": state.thread})
        return written

    def _budget(self, fanout: FanOut) -> Iterator[dict[str, Any]]:
        budget, moves = fanout.budget_usd, fanout.moves
        if budget is None or moves.exceeded:
            return
        spent = spent_usd(fanout, self._spending())
        money = {"spent_usd": round(spent, 6), "budget_usd": budget}
        if spends(spent, budget):
            yield {"topic": BUDGET_EXCEEDED, **money}
        elif spends(spent, budget, WARN_SHARE) and not moves.warned:
            yield {"topic": BUDGET_WARNING, **money}

    def _moves(self, fanout: FanOut) -> Iterator[dict[str, Any]]:
        live = self._ingest.live
        gone = {one.did: one.state for one in live.registry.instances.values() if self._leases.is_gone(one)}
        # A freeze also stops moves; when it is lifted, this is decided again.
        if not (gone or live.drains.drains) or live.control.covering(fanout.spec.namespace):
            return
        held = self._held() if live.drains.drains else frozenset()
        candidates = self._leases.candidates()
        lost = LostStarts(fanout, self._leases, {did for did, state in gone.items() if state == "archived"})
        for child in self._unsettled(fanout, gone):
            assert child.spawn is not None
            if reason := fanout.end_reason(child.index, child.attempt):
                if child.spawn.instance in gone:
                    yield self._ended(child, child.spawn, reason)
                continue
            starts = lost.of(child.spawn)
            behind = fanout.starts_before(child.index, child.attempt) + starts
            if starts and loops(behind):
                ended = self._ended(child, child.spawn, CRASH_LOOP)
                yield {**ended, "starts": [start.as_body() for start in behind]}
                continue
            topic, reason = self._move(child, child.spawn.instance, gone, child.spawn.child_intend in held)
            target, adapter = child.subtask.target, child.subtask.adapter
            if topic == REASSIGN and route(target, candidates, {}, 0, adapter).did is None:
                continue  # nobody can take it yet
            if topic:
                about: dict[str, Any] = {
                    "index": child.index,
                    "attempt": child.attempt,
                    "from": child.spawn.instance,
                }
                if topic == REASSIGN:
                    about |= self._lost(child.spawn)
                    about |= {"starts": [start.as_body() for start in starts]} if starts else {}
                yield {"topic": topic, **about, "reason": reason}

    def _unsettled(self, fanout: FanOut, gone: Collection[str]) -> list[Child]:
        """The subtasks in progress on instances that are gone or drain, by index."""
        progress, drains = progress_of(fanout), self._ingest.live.drains
        places = [did for did in progress.running if did in gone or drains.covering(did)]
        return [progress.child(index) for index in sorted(i for did in places for i in progress.running[did])]

    def _lost(self, spawn: Spawn) -> dict[str, Any]:
        """What is known of an attempt that is lost with its instance: nobody else will report it."""
        instance = self._ingest.live.registry.instances.get(spawn.instance)
        lost_at = self._leases.lost_at(instance) if instance is not None else None
        if lost_at is None:
            return {}
        began = self._leases.ran(spawn.instance).get(spawn.child_intend)
        return {"lost_at": lost_at, **({} if began is None else {"began_at": began})}

    def _ended(self, child: Child, spawn: Spawn, reason: str) -> dict[str, Any]:
        """The result of an attempt that was ended and whose instance will not report it."""
        outcome, lost = ended_by_coordinator(reason), self._lost(spawn)
        ended_at = lost.get("lost_at", self._runtime.now())
        return {
            "topic": CHILD_DONE,
            "index": child.index,
            "attempt": child.attempt,
            "worker": spawn.instance,
            "verdict": outcome.verdict,
            "summary": f"{outcome.summary}; its instance is gone",
            "reason": reason,
            "cost_usd": self._spending().get(spawn.child_intend, 0.0),
            "wall_time_secs": round(max(0.0, ended_at - lost.get("began_at", ended_at)), 3),
            "at": ended_at,
        }

    def _move(self, child: Child, did: str, gone: Mapping[str, str], held: bool) -> tuple[str, str]:
        """The topic and the reason for moving or ending a subtask that runs there, or nothing."""
        free = child.subtask.target in DYNAMIC_TARGETS
        if did in gone:
            return (REASSIGN, gone[did]) if free else ("", "")
        drains = self._ingest.live.drains.covering(did)
        due = [one for one in drains if one.is_due(self._runtime.now())]
        if due:
            ends = not free or any(one.then == "end" for one in due)
            return (END if ends else REASSIGN), DRAINED
        return (REASSIGN, "draining") if drains and held and free else ("", "")


def _told(state: TaskState, body: Mapping[str, Any]) -> str:
    name, topic = state.alias or state.thread, body["topic"]
    if topic in (BUDGET_WARNING, BUDGET_EXCEEDED):
        end = "; nothing more is spawned and what runs is ended" if topic == BUDGET_EXCEEDED else ""
        return f"{name} has spent ${body['spent_usd']:.2f} of its budget of ${body['budget_usd']:.2f}{end}"
    if topic == CHILD_DONE:
        return f"{name} [{body['index']}] attempt {body['attempt']} on {body['worker']}: {body['summary']}"
    verb = "ended" if topic == END else "goes to another instance"
    return f"{name} [{body['index']}] attempt {body['attempt']} on {body['from']}: {verb} ({body['reason']})"
