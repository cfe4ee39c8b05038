"""Sends records to one instance until it has accepted each: batched, in order, retried for ever.

Both directions of a fan-out use it: child INTENDs to workers, results to the coordinator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from syncropel.backoff import Backoff
from syncropel.errors import SyncropelError
from syncropel.peer.pause import Pause
from syncropel.peer.peers import MAX_BATCH
from syncropel.peer.runtime import Runtime
from syncropel.record.canonical import canonical_json
from syncropel.record.model import Record

log = logging.getLogger("syncropel.engine.sender")

GATHER_SECS: Final = 0.004
"""At least so long from one batch to the next: results of short goals come one by one, and a request for each
costs both sides more than the goal. The first after a rest is sent at once.
"""
MOST_GATHERS: Final = 5
"""So many times as long after a batch of as many records: then nobody waits for one of them alone."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes of a batch's bodies: a request may have four times as many."""

Post = Callable[[Sequence[Record]], Awaitable[list[dict[str, Any]]]]
Taken = Callable[[list[str]], Awaitable[None]]


class Sender:
    """A queue of (key, record) to one destination. Nothing here is durable: callers rebuild it from the log.

    `post` sends a batch and returns its outcomes; `taken` is called with the keys that the other side has.
    """

    def __init__(self, name: str, post: Post, taken: Taken, runtime: Runtime) -> None:
        self.name = name
        self._post = post
        self._taken = taken
        self._waiting: dict[str, tuple[Record, float, int]] = {}
        """By key, with the time when it was queued and its size in bytes."""
        self._wake = asyncio.Event()
        self._runtime = runtime
        self._began = float("-inf")
        self._last = 0
        """The size of the last batch."""
        self._pause = Pause(runtime)
        self._backoff = Backoff(share=runtime.share)
        self.problem = ""
        """Why the last attempt failed; empty after a success."""
        self.total = 0
        """How many records the other side has taken."""
        self.errors = 0
        """Batches that failed, or of which a record was refused."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: str, record: Record) -> None:
        """Queue a record; one that is already queued is not queued twice."""
        if key not in self._waiting:
            body = record.body_json or canonical_json(record.body)
            size = len(body) if body.isascii() else len(body.encode())
            self._waiting[key] = (record, self._runtime.monotonic(), size)
        self._wake.set()

    def waiting(self) -> Iterator[tuple[str, float]]:
        """The threads of the records that wait, one for each record, with the time when it was queued."""
        for record, since, _ in self._waiting.values():
            yield record.thread, since

    def waits(self, key: str) -> bool:
        """Whether this key has not been accepted yet."""
        return key in self._waiting

    def drop(self, key: str) -> None:
        """Stop sending this one."""
        self._waiting.pop(key, None)

    async def run(self) -> None:
        """Send for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._gather()
                wait = await self.send_once()
                if wait:
                    self._pause.forget()
                    await self._pause.wait(wait)

    async def _gather(self) -> None:
        """Let more come, if the last batch is recent and there is room in the next one."""
        gather_secs = GATHER_SECS * min(max(self._last, 1), MOST_GATHERS)
        rest = self._began + gather_secs - self._runtime.monotonic()
        if rest > 0 and len(self._waiting) < MAX_BATCH:
            await self._runtime.sleep(rest)
        self._began = self._runtime.monotonic()

    def hurry(self) -> None:
        """The obstacle may be gone: try again now."""
        self._pause.cut()

    async def send_once(self) -> float:
        """Send one batch; return how long to wait before the next, 0 after a success."""
        batch = self._batch()
        self._last = len(batch)
        if not batch:
            return 0.0
        try:
            outcomes = await self._post([record for _, record in batch])
            refusals = [_refusal(outcome) for outcome in outcomes]
            refused = [(key, why) for (key, _), why in zip(batch, refusals, strict=True) if why]
            taken = [key for (key, _), why in zip(batch, refusals, strict=True) if not why]
            await self._taken(taken)
        except SyncropelError as error:
            return self._failed(error.message)
        self.total += len(taken)
        for key in taken:
            self._waiting.pop(key, None)
        if refused:
            # Refused records go to the end of the queue, so that they do not delay the others.
            for key, _ in refused:
                if key in self._waiting:  # nobody dropped it meanwhile
                    self._waiting[key] = self._waiting.pop(key)
            return self._failed(refused[0][1])
        self._backoff.succeeded()
        if self.problem:
            log.info("%s: sending works again", self.name)
        self.problem = ""
        return 0.0

    def _batch(self) -> list[tuple[str, Record]]:
        """What is sent next: as much as the other side takes at once, and at least one record."""
        batch: list[tuple[str, Record]] = []
        left = MOST_BYTES
        for key, (record, _, size) in islice(self._waiting.items(), MAX_BATCH):
            left -= size
            if left < 0 and batch:
                break
            batch.append((key, record))
        return batch

    def _failed(self, problem: str) -> float:
        if problem != self.problem:
            log.warning("%s: %s; %d waiting, trying again", self.name, problem, len(self._waiting))
        self.problem = problem
        self.errors += 1
        return self._backoff.failed()


def _refusal(outcome: dict[str, Any]) -> str:
    """Why the other side does not have this record; empty when it has it."""
    if outcome.get("status") in ("created", "duplicate"):
        return ""
    error = outcome.get("error")
    message = str(error.get("message", "")) if isinstance(error, dict) else ""
    # Another version of this engine wrote the same fact in other words: it is there, which is what counts.
    return "" if message.startswith("DuplicateClock") else message or "refused"
