"""The steps of merges: each in this instance's own log first, then told to the coordinator."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from syncropel.backoff import Backoff
from syncropel.engine.fanout.delivery import post_locally
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import StoreError, SyncropelError, Unavailable
from syncropel.folds.tasks.merges import ENDED, STEP, WORK, Request
from syncropel.peer.peers import Peers
from syncropel.peer.runtime import Runtime
from syncropel.peer.sender import Sender
from syncropel.record.model import Record, StoredRecord, is_record_id
from syncropel.record.threads import merge_thread

log = logging.getLogger("syncropel.engine.merging")

_OF_THE_LOG: Final = ("fulfills",)
"""Fields of a step in this log that its report does not repeat."""


@dataclass
class Job:
    """A merge that this instance carries out. `id`: the record that asked for it, on the task's `thread`.

    `intend`: the INTEND of this log by which it was taken on.
    """

    id: str
    thread: str
    namespace: str
    request: Request
    intend: str = ""
    steps: int = 0
    """How many steps were written."""
    ended: bool = False
    last: dict[str, Any] = field(default_factory=dict)
    """The last step."""

    @property
    def own_thread(self) -> str:
        return merge_thread(self.id)

    def as_body(self) -> dict[str, Any]:
        """What `read` reads."""
        about = {"merge": self.id, "thread": self.thread, "namespace": self.namespace}
        return {**about, **self.request.as_body()}

    @classmethod
    def read(cls, body: dict[str, Any]) -> Job:
        """Raises ValueError naming what is wrong."""
        named, thread, namespace = (body.get(name) for name in ("merge", "thread", "namespace"))
        if not is_record_id(named):
            raise ValueError("'merge' must be the id of the record that asks for it")
        if not isinstance(thread, str) or not thread or not isinstance(namespace, str) or not namespace:
            raise ValueError("a merge needs its task's thread and namespace")
        return cls(str(named), thread, namespace, Request.read(body))

    def began(self, did: str) -> Record:
        """The INTEND of this log: the same one however often it is asked for."""
        count = len(self.request.branches)
        goal = f"merge {count} {'branch' if count == 1 else 'branches'} of {self.request.repo}"
        return Record(self.own_thread, did, "INTEND", {"topic": WORK, "goal": goal, **self.as_body()}, 0)


class Steps:
    """Writes the steps of merges, and tells the coordinator of them until it has each."""

    def __init__(
        self, ingest: Ingest, peers: Peers, did: str, coordinator_url: str, runtime: Runtime
    ) -> None:
        self._ingest = ingest
        self._peers = peers
        self._did = did
        self._coordinator_url = coordinator_url
        self._runtime = runtime
        self.sender = Sender("merges", self._post, self._taken, runtime)
        self._untold: dict[str, Job] = {}
        """By the id of a step in this log, the merge that it is of."""
        self.told: Callable[[Job], None] = lambda job: None
        """Called when the coordinator has all steps of a merge that has ended."""

    async def write(self, job: Job, what: str, **facts: Any) -> None:
        """Write the next step once the log takes it, and have it told. Raises Unavailable when the daemon
        stops.
        """
        body = {"topic": STEP, "merge": job.id, "step": job.steps, "what": what, **facts}
        body |= {"namespace": job.namespace, "at": self._runtime.now()}
        body |= {"fulfills": job.intend} if what == ENDED else {}
        record = Record(job.own_thread, self._did, "KNOW", body, None, (job.intend,))
        backoff = Backoff(share=self._runtime.share)
        while True:
            try:
                written = await self._ingest.append_one(record)
                break
            except Unavailable:
                raise
            except (StoreError, SyncropelError) as error:
                told = "cannot record a step of a merge: %s"
                log.error(told, error.message, extra={"thread_id": job.thread})
                await self._runtime.sleep(backoff.failed())
        job.steps, job.last, job.ended = job.steps + 1, body, what == ENDED
        self._tell(job, written.stored)

    def _tell(self, job: Job, stored: StoredRecord) -> None:
        body = {key: value for key, value in stored.record.body.items() if key not in _OF_THE_LOG}
        self._untold[stored.record.id] = job
        self.sender.add(stored.record.id, Record(job.thread, self._did, "KNOW", body, None, (job.id,)))

    async def take_up(self, job: Job, records: Iterable[StoredRecord]) -> None:
        """Read on in a merge from the records of its thread in this log, and tell what the coordinator may
        not have.
        """
        known = [one for one in records if one.record.topic == STEP and one.record.act == "KNOW"]
        told = await self._ingest.store.acknowledged([one.record.id for one in known])
        for one in sorted(known, key=lambda one: int(one.record.body["step"])):
            body = one.record.body
            job.steps, job.last, job.ended = int(body["step"]) + 1, body, body["what"] == ENDED
            if one.record.id not in told:
                self._tell(job, one)
        self._settle(job)

    def _settle(self, job: Job) -> None:
        if job.ended and not any(one is job for one in self._untold.values()):
            self.told(job)

    async def _post(self, records: Sequence[Record]) -> list[dict[str, Any]]:
        if not self._coordinator_url:
            return await post_locally(self._ingest, records)
        return await self._peers.post_records(self._coordinator_url, records)

    async def _taken(self, keys: list[str]) -> None:
        await self._ingest.store.acknowledge(keys)
        for job in [job for key in keys if (job := self._untold.pop(key, None)) is not None]:
            self._settle(job)
