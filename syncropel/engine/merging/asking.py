"""An operator's request for a merge: written on the task's thread, then told to the instance that merges."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.merging.choosing import choose
from syncropel.engine.merging.steps import Job
from syncropel.engine.merging.work import MergeWork
from syncropel.errors import Conflict, DaemonUnreachable, SyncropelError, Unavailable
from syncropel.folds.tasks.merges import ASKED, UNTAKEN, Merge, Mode, Request
from syncropel.folds.tasks.state import TaskState
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.policy.guard import frozen
from syncropel.record.model import Record


class MergeDesk:
    """Takes requests for merges. `work`: the merges of this instance itself."""

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        propagation: ControlPropagation,
        work: MergeWork,
        did: str,
        runtime: Runtime,
    ) -> None:
        self._ingest = ingest
        self._peers = peers
        self._propagation = propagation
        self._work = work
        self._did = did
        self._runtime = runtime

    async def ask(
        self, state: TaskState, indexes: Collection[int], into: str, mode: Mode, actor: str, *, dry_run: bool
    ) -> Merge:
        """Have the branches of these subtasks merged (none: of all that are accepted).

        Raises NotFound and Conflict for what cannot be merged, NamespaceFrozen, Unavailable when the instance
        that merges did not confirm that it has the request.
        """
        chosen = choose(state, indexes)
        if freezes := self._ingest.live.control.covering(state.namespace):
            raise frozen(freezes[-1], "a merge")
        request = Request(chosen.repo, into, mode, dry_run, chosen.branches)
        intend = state.fanout.intend if state.fanout is not None else state.intend
        body: dict[str, Any] = {"topic": ASKED, "instance": chosen.instance, **request.as_body()}
        body |= {"namespace": state.namespace, "at": self._runtime.now()}
        asked = await self._ingest.append_one(Record(state.thread, actor, "LEARN", body, None, (intend,)))
        job = Job(asked.stored.record.id, state.thread, state.namespace, request)
        try:
            await self._give(chosen.instance, job.as_body())
        except SyncropelError as error:
            await self._note_untaken(state, job, error)
        return self.merge(state.thread, job.id)

    def merge(self, thread: str, named: str) -> Merge:
        """A merge of a task. Raises Conflict when the task's thread does not tell of it."""
        known = self._ingest.live.tasks[thread].merges.by_id.get(named)
        if known is None:
            raise Conflict("the merge is not on the task's thread", "look at it: spl thread records THREAD")
        return known

    async def _give(self, instance: str, body: dict[str, Any]) -> None:
        if instance == self._did:
            await self._work.take(body)
            return
        known = self._ingest.live.registry.instances.get(instance)
        if known is None or not known.endpoint:
            raise DaemonUnreachable("its address is unknown", "see: spl fleet list --all")
        # Work never overtakes a freeze: an instance has the control state before it is given anything.
        await self._propagation.ensure(instance)
        await self._peers.merge(known.endpoint, instance, body)

    async def _note_untaken(self, state: TaskState, job: Job, error: SyncropelError) -> None:
        instance = self.merge(state.thread, job.id).instance
        known = self._ingest.live.registry.instances.get(instance)
        name = known.alias if known is not None and known.alias else instance
        body: dict[str, Any] = {"topic": UNTAKEN, "merge": job.id, "why": error.message}
        body |= {"namespace": state.namespace, "at": self._runtime.now()}
        await self._ingest.append_one(Record(state.thread, self._did, "LEARN", body, None, (job.id,)))
        raise Unavailable(
            f"{name} did not confirm that it takes the merge: {error.message}",
            f"see that it runs: spl fleet show {name}; then ask again",
        )
