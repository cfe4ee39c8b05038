"""Forks: begins the work of child threads that request it, tells each parent its children's results, and
closes parents whose join is satisfied.

It remembers only what was refused. Each step is found by folding: a child without its work, a closed child
whose result the parent lacks, a join that is satisfied. It may be stopped anywhere and run again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from syncropel.engine.forks import records
from syncropel.engine.forks.child_threads import join_over_children, told_parent
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.pending_threads import PendingThreads
from syncropel.errors import PermissionDenied, SyncropelError
from syncropel.folds.control.namespaces import DEFAULT
from syncropel.folds.control.rules import KINDS
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.forks.state import SUB_THREAD, Fork, names_child
from syncropel.folds.tasks.closing import Closing, closing_of_task, closing_of_thread
from syncropel.folds.tasks.state import TaskState, status_now
from syncropel.peer.runtime import Runtime
from syncropel.policy.forking import CLOSED, namespace_of, over
from syncropel.policy.joining import decide_fork_join, decide_join_now
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL

log = logging.getLogger("syncropel.engine.forks")


class Forking:
    """Examines threads that have a parent or children."""

    def __init__(self, ingest: Ingest, did: str, runtime: Runtime) -> None:
        self._ingest = ingest
        self._did = did
        self._runtime = runtime
        self._pending = PendingThreads(self._look, runtime.monotonic)
        self._refused: dict[str, SyncropelError] = {}
        ingest.subscribe(self.on_records)

    async def run(self) -> None:
        """Examine marked threads, for ever."""
        await self._pending.run()

    async def drain(self) -> None:
        """Examine until nothing is marked."""
        await self._pending.drain()

    def refused(self, thread: str) -> str:
        """Why the last step on this thread was refused; empty when it was not."""
        error = self._refused.get(thread)
        return "" if error is None else error.message

    def on_records(self, records: Sequence[StoredRecord]) -> None:
        """Mark the threads that these records may affect."""
        live = self._ingest.live
        for stored in records:
            record = stored.record
            thread = record.thread
            if thread == FLEET_CONTROL or (thread == ENGINE_CONFIG and record.topic in KINDS):
                self._mark_refused()
                continue
            task = live.tasks.get(thread)
            if task is not None:
                concerned = bool(task.parent_thread or (task.join and task.fanout is None))
                if task.parent_thread and record.act == "INTEND":
                    self._pending.mark(task.parent_thread)
            else:
                concerned = bool(live.index.threads[thread].join)
            if concerned or thread in live.forks or thread in live.parents.forks:
                self._pending.mark(thread)
                if names_child(record) and isinstance(child := record.body[SUB_THREAD], str):
                    self._pending.mark(child)

    def mark(self, threads: Iterable[str]) -> None:
        """Mark threads with a parent or children, of which a step may be missing: at start."""
        for thread in threads:
            self._pending.mark(thread)

    def marked(self) -> set[str]:
        """Threads of which a step may be missing."""
        return {*self._pending.marked(), *self._refused}

    def look_again(self) -> None:
        """Retry refused steps; what a rule denies is retried when the rules change."""
        for thread, error in self._refused.items():
            if not isinstance(error, PermissionDenied):
                self._pending.mark(thread)

    def _mark_refused(self) -> None:
        for thread in self._refused:
            self._pending.mark(thread)

    async def _look(self, thread: str) -> None:
        if thread in self._ingest.live.arriving or self._ingest.live.standing.fenced is not None:
            return
        try:
            await self._look_as_child(thread)
            await self._look_as_parent(thread)
        except SyncropelError as error:
            before = self._refused.get(thread)
            self._refused[thread] = error
            if before is None or before.message != error.message:
                log.warning("%s waits: %s", thread, error.message, extra={"thread_id": thread})
        else:
            self._refused.pop(thread, None)

    # as a child

    async def _look_as_child(self, child: str) -> None:
        live = self._ingest.live
        parent = told_parent(live, child)
        if not parent:
            return
        forks = live.forks.get(parent)
        fork = forks.forks.get(child) if forks is not None else None
        if forks is not None and fork is not None and fork.record in forks.taken_back:
            return
        if fork is not None and fork.work is not None and self._may_begin(fork, parent):
            await self._begin(fork, parent)
        closing = await self._closing(child)
        if closing is None:
            return
        known = live.forks[parent].results.get(child) if parent in live.forks else None
        if known is not None and known.result == closing.result:
            return
        made = records.closed(
            child,
            fork.record if fork is not None else "",
            parent,
            closing,
            namespace_of(parent, live) or DEFAULT,
            self._did,
            self._runtime.now(),
        )
        await self._ingest.append_one(made)
        log.info("told its parent %s: %s", parent, closing.result, extra={"thread_id": child})

    def _may_begin(self, fork: Fork, parent: str) -> bool:
        live = self._ingest.live
        task = live.tasks.get(fork.child)
        begun = task is not None and task.fanout is not None
        return not begun and over(fork.child, live) is None and over(parent, live) is None

    async def _begin(self, fork: Fork, parent: str) -> None:
        live = self._ingest.live
        fresh = fork.child not in live.index.threads
        namespace = namespace_of(fork.child, live) or DEFAULT
        record = records.begun(fork, parent, namespace, live.tasks.get(fork.child), fresh=fresh)
        await self._ingest.append_one(record)
        log.info("forked from %s, and begun", parent, extra={"thread_id": fork.child})

    async def _closing(self, child: str) -> Closing | None:
        live = self._ingest.live
        task, line = live.tasks.get(child), live.index.threads.get(child)
        if task is not None:
            return closing_of_task(task, _status(task))
        if line is None or line.status != CLOSED:
            return None
        return closing_of_thread(await self._ingest.store.thread(child))

    # as a parent

    async def _look_as_parent(self, thread: str) -> None:
        if (record := await self._join(thread)) is not None:
            await self._ingest.append_one(record)
            log.info("child threads joined: %s", record.body["explanation"], extra={"thread_id": thread})

    async def _join(self, thread: str) -> Record | None:
        """The record that closes this parent, None while its join is not satisfied."""
        live = self._ingest.live
        forks, task = live.forks.get(thread), live.tasks.get(thread)
        if over(thread, live) is not None or (forks is not None and forks.joined):
            return None
        fanout = join_over_children(live, thread)
        if fanout is None:
            return None
        seen = live.index.threads[thread].records
        decision = await decide_fork_join(fanout, task.alias if task is not None else "")
        if live.index.threads[thread].records != seen:
            self._pending.mark(thread)  # it changed while the expression was evaluated
            return None
        if not decision.satisfied:
            return None
        return records.joined(fanout, decision, self._did, self._runtime.now())


def _status(task: TaskState) -> str:
    fanout = task.fanout
    # Only a dispatch fails with its subtask; for others, finding out would take long.
    if fanout is None or not fanout.active or not fanout.spec.dispatch:
        return task.status
    return status_now(task, decide_join_now(fanout, fan_out_children(fanout), task.alias, {}).satisfiable)
