"""Dispatch: runs the subtasks that this instance was given, a few at a time, in the order they came.

What to run is folded from the log: child INTENDs without a result. A result is a KNOW on the child thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncropel.engine.adapters import Adapter, Job, Outcome
from syncropel.engine.ingest import Ingest
from syncropel.engine.runtime import Runtime
from syncropel.errors import SyncropelError
from syncropel.folds.child import COMPLETE, SESSION, SUBPROCESS_EXIT, ChildIntend, ChildResult, ChildState
from syncropel.folds.freezes import Freeze
from syncropel.folds.namespaces import DEFAULT
from syncropel.record import Record, StoredRecord
from syncropel.store.base import RecordFilter
from syncropel.threads import FLEET_CONTROL, dispatch_thread

log = logging.getLogger("syncropel.engine.dispatch")

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]


@dataclass(frozen=True)
class Limits:
    """How this instance runs goals."""

    max_concurrent: int
    default_timeout_secs: float
    default_adapter: str
    grace_secs: float


@dataclass
class _Run:
    intend: ChildIntend
    task: asyncio.Task[None]
    started_at: float
    ended_by: str = ""


class Dispatcher:
    """Starts open attempts while there are free slots; cancels an attempt that was superseded."""

    def __init__(
        self,
        ingest: Ingest,
        adapters: Mapping[str, Adapter],
        limits: Limits,
        did: str,
        runtime: Runtime,
        spawn: Spawn,
        may_work: Callable[[], Awaitable[bool]],
    ) -> None:
        self._ingest = ingest
        self._may_work = may_work
        self._adapters = adapters
        self._limits = limits
        self._did = did
        self._runtime = runtime
        self._spawn = spawn
        self._running: dict[str, _Run] = {}
        self._queue: dict[str, None] = {}
        self._stopping = False
        ingest.subscribe(self.on_records)

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def max_concurrent(self) -> int:
        return self._limits.max_concurrent

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        for stored in records:
            if stored.record.act == "INTEND" and stored.record.thread in self._ingest.live.children:
                self._consider(self._ingest.live.children[stored.record.thread])
            elif stored.record.thread == FLEET_CONTROL:
                self.enforce()
        self._fill()

    def enforce(self) -> None:
        """End what a freeze says must not run on, and start what one held back and holds no more."""
        now = self._runtime.now()
        for run in self._running.values():
            freeze = self._ending_freeze(run.intend, now)
            if freeze is not None and not run.ended_by:
                run.ended_by = f"ended by the {freeze.level} freeze of {freeze.namespace!r}: {freeze.reason}"
                run.task.cancel()
        self._fill()

    def _ending_freeze(self, intend: ChildIntend, now: float) -> Freeze | None:
        for freeze in self._ingest.live.control.covering(_namespace(intend)):
            hard_at = freeze.hard_at()
            if freeze.terminate or (hard_at is not None and now >= hard_at):
                return freeze
        return None

    async def resume(self) -> None:
        """Queue what a former process of this instance left open, after ending what it left running."""
        waiting = [state.open for state in self._ingest.live.children.values()]
        left_open = sorted((one for one in waiting if one is not None), key=lambda one: one.sequence)
        if left_open:
            await self._end_orphans({intend.record for intend in left_open})
        for intend in left_open:
            self._consider(self._ingest.live.children[intend.thread])
        self._fill()

    async def _end_orphans(self, open_intends: set[str]) -> None:
        newest: dict[str, dict[str, Any]] = {}
        since = 0
        while page := await self._ingest.store.query(RecordFilter(topic=SESSION, since=since, limit=1000)):
            since = page[-1].sequence
            for stored in page:
                intend = stored.record.body.get("child_intend")
                if intend in open_intends and stored.record.actor == self._did:
                    newest[str(intend)] = stored.record.body
        for session in newest.values():
            adapter = self._adapters.get(str(session.get("adapter")))
            if adapter is not None:
                await adapter.end_orphan(session)

    def _consider(self, state: ChildState) -> None:
        intend = state.open
        if intend is None:
            return
        run = self._running.get(state.thread)
        if run is not None and run.intend.record != intend.record:
            run.task.cancel()
        self._queue[state.thread] = None

    def _fill(self) -> None:
        if self._stopping:
            return
        for thread in list(self._queue):
            if len(self._running) >= self._limits.max_concurrent:
                return
            if thread in self._running:
                continue  # a superseded attempt is still being ended
            intend = self._ingest.live.children[thread].open
            if intend is not None and self._ingest.live.control.covering(_namespace(intend)):
                continue  # held by a freeze
            del self._queue[thread]
            if intend is not None:
                task = self._spawn(self._run(intend), f"dispatch {thread}")
                self._running[thread] = _Run(intend, task, self._runtime.now())

    async def _run(self, intend: ChildIntend) -> None:
        allowed = False
        try:
            allowed = await self._may_start(intend)
            if allowed:
                await self._start(intend)
        except asyncio.CancelledError:
            if self._stopping or allowed:
                raise
        except SyncropelError as error:
            log.error("cannot record a result: %s", error.message, extra={"thread_id": intend.thread})
        finally:
            self._running.pop(intend.thread, None)
            if allowed:
                self._fill()
            else:
                # Held: the next control record, or the next tick, looks again.
                self._queue[intend.thread] = None

    async def _start(self, intend: ChildIntend) -> None:
        done = self._ingest.live.children[intend.thread].accepted()
        if done is not None:
            await self._repeat(intend, done)
        else:
            await self._execute(intend)

    async def _may_start(self, intend: ChildIntend) -> bool:
        """Ask just before the start: a freeze may have come while this instance was cut off."""
        return await self._may_work() and not self._ingest.live.control.covering(_namespace(intend))

    async def _repeat(self, intend: ChildIntend, done: ChildResult) -> None:
        """An accepted result is reported again under the new attempt; the work is not done twice."""
        body = {**done.body, "fulfills": intend.record, "attempt": intend.attempt, "repeats": done.record}
        await self._ingest.append_one(self._know(intend, body))

    async def _execute(self, intend: ChildIntend) -> None:
        started, started_at = self._runtime.monotonic(), self._runtime.now()
        sub_thread = dispatch_thread(intend.thread, self._did, started_at)

        async def observe(kind: str, body: dict[str, Any]) -> None:
            await self._ingest.append_one(self._observation(sub_thread, intend, kind, body))

        adapter, refusal = self._adapter(intend)
        try:
            if adapter is None:
                outcome = Outcome("failed", refusal)
            else:
                if adapter.name != "bash":
                    await observe(SESSION, {"adapter": adapter.name})
                outcome = await adapter.run(self._job(intend), observe)
        except asyncio.CancelledError:
            if self._stopping:
                raise
            run = self._running.get(intend.thread)
            outcome = Outcome("terminated", (run.ended_by if run else "") or "superseded by a retry")
        secs = self._runtime.monotonic() - started
        await self._ingest.append(self._ending(intend, sub_thread, outcome, secs))

    def _adapter(self, intend: ChildIntend) -> tuple[Adapter | None, str]:
        name = str(intend.body.get("adapter") or self._limits.default_adapter)
        adapter = self._adapters.get(name)
        if adapter is not None:
            return adapter, ""
        return None, f"adapter {name!r} is not enabled on this instance; enable it in its own config.toml"

    def _job(self, intend: ChildIntend) -> Job:
        body = intend.body
        timeout, budget = body.get("timeout_secs"), body.get("budget_usd")
        return Job(
            intend.thread,
            str(body["goal"]),
            intend.attempt,
            float(timeout) if isinstance(timeout, int | float) else self._limits.default_timeout_secs,
            float(budget) if isinstance(budget, int | float) else None,
            str(body.get("hint") or ""),
        )

    def _ending(self, intend: ChildIntend, sub_thread: str, outcome: Outcome, secs: float) -> list[Record]:
        result: dict[str, Any] = {
            "fulfills": intend.record,
            "verdict": outcome.verdict,
            "summary": outcome.summary,
            "cost_usd": outcome.cost_usd,
            "wall_time_secs": round(secs, 3),
            "attempt": intend.attempt,
            "namespace": intend.body.get("namespace"),
            "at": self._runtime.now(),
        }
        if outcome.output is not None:
            result["output"] = outcome.output
        complete = {
            "verdict": outcome.verdict,
            "success": outcome.verdict == "accept",
            "cost_usd": outcome.cost_usd,
            "wall_time_secs": result["wall_time_secs"],
        }
        records = [self._observation(sub_thread, intend, COMPLETE, complete), self._know(intend, result)]
        if outcome.exit is not None:
            records.insert(0, self._observation(sub_thread, intend, SUBPROCESS_EXIT, outcome.exit))
        return records

    def _know(self, intend: ChildIntend, body: dict[str, Any]) -> Record:
        return Record(intend.thread, self._did, "KNOW", body, None, (intend.record,))

    def _observation(self, sub_thread: str, intend: ChildIntend, kind: str, body: dict[str, Any]) -> Record:
        full = {
            "kind": kind,
            "child_thread": intend.thread,
            "child_intend": intend.record,
            "attempt": intend.attempt,
            "namespace": intend.body.get("namespace"),
            "at": self._runtime.now(),
            **body,
        }
        return Record(sub_thread, self._did, "KNOW", full, None, (intend.record,))

    async def stop(self) -> None:
        """Start nothing more; give what runs its grace, then end it: it runs again at the next start."""
        self._stopping = True
        tasks = [run.task for run in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._limits.grace_secs)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _namespace(intend: ChildIntend) -> str:
    return str(intend.body.get("namespace") or DEFAULT)
