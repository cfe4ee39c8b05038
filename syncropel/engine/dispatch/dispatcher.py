"""Dispatch: runs the subtasks assigned to this instance, a few at a time, in order of arrival.

What to run is folded from the log: child INTENDs without a result. A result is a KNOW on the child thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Final

import psutil

from syncropel.adapters import Adapter, CutShort, Held, Outcome, Remains, Resumable
from syncropel.engine.dispatch.attempt_calls import Siblings
from syncropel.engine.dispatch.meter import ended_by_coordinator, tellable
from syncropel.engine.dispatch.resuming import Taken, take_back
from syncropel.engine.dispatch.run import Limits, Place, Run, starts_behind, write_ending
from syncropel.engine.dispatch.run_records import ending, result
from syncropel.engine.dispatch.starting import StartGate
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import SyncropelError
from syncropel.folds.control.freezes import Freeze
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.fanout.child import ChildIntend, ChildResult, ChildState, is_child_end
from syncropel.folds.fanout.reassignments import SUPERSEDED
from syncropel.folds.fanout.starts import MOST_TOLD, is_last
from syncropel.peer.runtime import Runtime
from syncropel.record.model import StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from syncropel.wire.fleet import RunningSpend, StartOut

log = logging.getLogger("syncropel.engine.dispatch")

MAX_TOLD: Final = 1000
"""INTENDs listed in one heartbeat; of those held by a drain, the rest follow when these are gone."""

REVOKED: Final = "revoked"
"""Why a run was ended: the coordinator revoked this instance."""

MAX_LEFT: Final = 100
"""Runs listed as not proven empty; the oldest is forgotten first."""

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


class Dispatcher:
    """Starts open attempts while there are free slots; cancels superseded attempts."""

    def __init__(
        self,
        ingest: Ingest,
        adapters: Mapping[str, Adapter],
        limits: Limits,
        did: str,
        runtime: Runtime,
        spawn: Spawn,
        may_work: Callable[[], Awaitable[bool]],
        siblings: Siblings,
    ) -> None:
        self._ingest = ingest
        self._may_work = may_work
        gate = StartGate(ingest, self._may_begin)
        self._place = Place(ingest, adapters, limits, did, runtime, gate.let_through, siblings, self._stopped)
        self._limits = limits
        self.touched: Callable[[str], Sequence[str]] = lambda child_intend: ()
        """The files that a running attempt has touched, by the id of its INTEND."""
        self._did = did
        self._runtime = runtime
        self._spawn = spawn
        self._running: dict[str, Run] = {}
        self._queue: dict[str, float] = {}
        self.total = 0
        """How many goals were begun, or taken over from the process before."""
        self.errors = 0
        """How often a goal could not be begun, or its result not be written."""
        self._left: list[dict[str, Any]] = []
        self._stopping = False
        self._resumed = False
        ingest.subscribe(self.on_records)

    @property
    def running(self) -> int:
        """How many goals run now: at most `max_concurrent`."""
        return len(self.runs())

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def max_concurrent(self) -> int:
        return self._limits.max_concurrent

    @property
    def draining(self) -> bool:
        """Whether this instance begins nothing new."""
        return bool(self._ingest.live.drains.covering(self._did))

    def runs(self) -> list[Run]:
        """The current runs."""
        return [run for run in self._running.values() if not run.finished]

    def waiting(self) -> Iterator[tuple[str, float]]:
        """The child threads whose goals wait to begin, each with the time since when."""
        yield from self._queue.items()

    def spending(self) -> list[RunningSpend]:
        """Each running goal's spend so far, and its starts."""
        return [
            RunningSpend(
                child_intend=run.intend.record,
                child_thread=thread,
                cost_usd=tellable(run.meter.spent),
                cost_unknown=self._ingest.live.spend.of(run.intend.record).unpriced,
                budget_usd=None if run.meter.budget_usd is None else tellable(run.meter.budget_usd),
                began_at=run.started_at,
                progress=(talk := self._ingest.live.talks.of(run.intend.record)).progress,
                progress_at=talk.progress_at or None,
                starts=[
                    StartOut(**one.as_body())
                    for one in self._ingest.live.starts.of(run.intend.record)[-MOST_TOLD:]
                ],
                touched=list(self.touched(run.intend.record)),
            )
            for thread, run in self._running.items()
        ]

    def unended(self) -> list[dict[str, Any]]:
        """Runs that are being ended, and those that ended without proof that nothing is left of them.

        Each: child_thread, namespace, ended, left (pids that are still running; none when they are not
        known).
        """
        ending = [
            _unended(run.intend, run.remains, ended=run.finished)
            for run in self._running.values()
            if run.ending is not None and not (run.finished and run.remains.proven)
        ]
        self._left = [
            one for one in self._left if not one["left"] or any(map(psutil.pid_exists, one["left"]))
        ]
        return ending + self._left[-MAX_LEFT:]

    def open_attempts(self) -> list[dict[str, Any]]:
        """What this instance is running or would run: child_intend, parent_thread, index, attempt."""
        left_open = (state.open for state in self._ingest.live.open_children.values())
        return [
            {
                "child_intend": intend.record,
                "parent_thread": intend.body["parent_thread"],
                "index": intend.body["index"],
                "attempt": intend.attempt,
            }
            for intend in islice((one for one in left_open if one), MAX_TOLD)
        ]

    def held(self) -> list[str]:
        """INTENDs that a drain keeps from beginning here, the first thousand; none while nothing drains."""
        if not self.draining:
            return []
        queued = (self._ingest.live.children[thread].open for thread in self._queue)
        waiting = (intend.record for intend in queued if intend and intend.thread not in self._running)
        return list(islice(waiting, MAX_TOLD))

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        if not self._resumed:
            return
        for stored in records:
            state = self._ingest.live.children.get(stored.record.thread)
            if state is not None and (stored.record.act == "INTEND" or is_child_end(stored.record)):
                self._consider(state)
            elif state is not None and (run := self._running.get(state.thread)) is not None:
                run.line.hear()
            elif stored.record.thread == FLEET_CONTROL:
                self.enforce()
        self._fill()

    def enforce(self) -> None:
        """End what may no longer run here, and start what is no longer held back."""
        self._ingest.live.control.pass_time(self._runtime.moment())
        for run in self._running.values():
            outcome = self._stopped(run.intend)
            if outcome is not None:
                run.end(outcome)
        self._fill()

    def _stopped(self, intend: ChildIntend) -> Outcome | None:
        """The outcome of an attempt that may not run here; None when it may."""
        if self._ingest.live.standing.revoked is not None:
            return Outcome("terminated", f"ended: {self._ingest.live.standing.why}", reason=REVOKED)
        freeze = self._ending_freeze(intend)
        if freeze is None:
            return None
        told = f"ended by the {freeze.level} freeze of {freeze.namespace!r}: {freeze.reason}"
        return Outcome("terminated", told, reason="frozen")

    def _ending_freeze(self, intend: ChildIntend) -> Freeze | None:
        control = self._ingest.live.control
        for freeze in control.covering(_namespace(intend)):
            if freeze.terminate or control.is_over(freeze):
                return freeze
        return None

    async def resume(self) -> None:
        """Resume what a previous process of this instance left open: take over what runs, queue the rest."""
        waiting = [state.open for state in self._ingest.live.open_children.values()]
        left_open = sorted((one for one in waiting if one is not None), key=lambda one: one.sequence)
        now = self._runtime.now()
        taken = await take_back(self._ingest, self._place.adapters, self._did, left_open, now)
        self._resumed = True
        for intend in left_open:
            if (found := taken.get(intend.record)) is not None:
                self._begin(intend, found)
        await asyncio.sleep(0)  # runs are taken over before anybody can end them
        for intend in left_open:
            self._consider(self._ingest.live.children[intend.thread])
        self.enforce()

    def _consider(self, state: ChildState) -> None:
        run = self._running.get(state.thread)
        if run is not None and run.intend.record in state.ended:
            run.end(ended_by_coordinator(state.ended[run.intend.record]))
        intend = state.open
        if intend is None:
            return
        if run is not None and run.intend.record != intend.record:
            run.end(ended_by_coordinator(SUPERSEDED))
        if intend.record not in state.ended:
            if run is None or run.intend.record != intend.record or run.finished:
                self._queue.setdefault(state.thread, self._runtime.monotonic())
        elif run is None:
            self._queue.pop(state.thread, None)
            self._spawn(self._end_unstarted(intend, state.ended[intend.record]), f"end {state.thread}")

    async def _end_unstarted(self, intend: ChildIntend, reason: str) -> None:
        spent = self._ingest.live.spend.of(intend.record).usd
        outcome = replace(ended_by_coordinator(reason), cost_usd=spent)
        records = ending(intend, None, self._did, outcome, 0.0, self._runtime.now())
        await write_ending(self._ingest, self._runtime, intend, records)

    def _fill(self) -> None:
        free = self._limits.max_concurrent - self.running
        if free <= 0 or not self._queue or self._stopping or self.draining:
            return
        if any(run.alone for run in self.runs()):
            return
        busy = Counter(self._limits.adapter_of(run.intend) for run in self.runs())
        chosen: list[tuple[str, ChildIntend | None]] = []
        for thread in self._queue:
            if thread in self._running:
                continue  # a superseded attempt is still being ended
            intend = self._ingest.live.children[thread].open
            if intend is not None and self._ingest.live.holds(_namespace(intend), intend.thread):
                continue
            alone = intend is not None and is_last(starts_behind(self._ingest, intend))
            if alone and (self.running or any(begun for _, begun in chosen)):
                break  # it begins when nothing else runs, and nothing overtakes it
            name = self._limits.adapter_of(intend) if intend is not None else ""
            if busy[name] >= self._limits.each.get(name, self._limits.max_concurrent):
                continue  # others need not wait for its adapter
            if intend is not None and self._limits.paused(name):
                continue
            chosen.append((thread, intend))
            if intend is not None:
                busy[name] += 1
                free -= 1
            if alone or not free:
                break
        for thread, intend in chosen:
            since = self._queue.pop(thread)
            if intend is not None:
                self._begin(intend, since=since)

    def _begin(self, intend: ChildIntend, taken: Taken | None = None, since: float | None = None) -> None:
        """`since`: when it was queued, which counts on if it may not start after all."""
        run = self._running[intend.thread] = Run(intend, self._place, self._fill, taken)
        run.task = self._spawn(self._run(run, since), f"dispatch {intend.thread}")
        run.task.add_done_callback(partial(self._gone, intend.thread))

    def _gone(self, thread: str, task: asyncio.Task[None]) -> None:
        # A task that is cancelled before its first step never reaches its own clean-up.
        run = self._running.get(thread)
        if run is not None and run.task is task:
            del self._running[thread]
            self._consider(self._ingest.live.children[thread])
            self._fill()

    async def _run(self, run: Run, since: float | None) -> None:
        intend = run.intend
        allowed = False
        try:
            allowed = run.taken is not None or await self._may_start(intend)
            if allowed:
                self.total += 1
                await self._start(run)
        except asyncio.CancelledError:
            if self._stopping or allowed:
                raise
        except Held:
            log.info("held at its gate", extra={"thread_id": intend.thread})
            allowed = False
        except CutShort:
            log.warning(
                "was ended while this daemon was stopped, and runs again unless it was moved",
                extra={"thread_id": intend.thread},
            )
            allowed = False
        except SyncropelError as error:
            self.errors += 1
            log.error("cannot run a goal: %s", error.message, extra={"thread_id": intend.thread})
            allowed = False
        finally:
            self._running.pop(intend.thread, None)
            if run.finished and not run.remains.proven:
                self._left.append(_unended(intend, run.remains, ended=True))
            if allowed:
                self._fill()
            else:
                # Held, or the log accepted nothing: the next control record, or the next tick, tries again.
                self._consider(self._ingest.live.children[intend.thread])
                if since is not None and intend.thread in self._queue:
                    self._queue[intend.thread] = since

    async def _start(self, run: Run) -> None:
        done = self._ingest.live.children[run.intend.thread].accepted(run.intend)
        if done is not None and run.taken is None:
            await self._repeat(run.intend, done)
        else:
            await run.execute()

    async def _may_start(self, intend: ChildIntend) -> bool:
        """Called just before the start: a freeze may have come while this instance was cut off."""
        return await self._may_work() and self._may_begin(intend)

    def _may_begin(self, intend: ChildIntend) -> bool:
        state = self._ingest.live.children[intend.thread]
        if self._stopping or self.draining or intend.record in state.ended:
            return False
        if self._limits.paused(self._limits.adapter_of(intend)):
            return False
        return not self._ingest.live.holds(_namespace(intend), intend.thread)

    async def _repeat(self, intend: ChildIntend, done: ChildResult) -> None:
        """Report an accepted result again under the new attempt; the work is not done twice."""
        body = {**done.body, "fulfills": intend.record, "attempt": intend.attempt, "repeats": done.record}
        await self._ingest.append_one(result(intend, self._did, body))

    async def stop(self, *, keep_work: bool = False) -> None:
        """Start nothing more; give running work its grace, then end it: it runs again at the next start.

        `keep_work`: leave running work to the next process of this instance, where its adapter supports that.
        """
        self._stopping = True
        if keep_work:
            for adapter in self._place.adapters.values():
                if isinstance(adapter, Resumable):
                    adapter.leave_running()
        tasks = [run.task for run in self._running.values() if run.task is not None]
        if tasks:
            grace = 0.0 if keep_work else self._limits.grace_secs
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _unended(intend: ChildIntend, remains: Remains, *, ended: bool) -> dict[str, Any]:
    left = list(remains.left) if ended else []
    return {"child_thread": intend.thread, "namespace": _namespace(intend), "ended": ended, "left": left}


def _namespace(intend: ChildIntend) -> str:
    return str(intend.body.get("namespace") or DEFAULT)
