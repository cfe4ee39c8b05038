"""When whoever listens to the log hears of new records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.store.base import Judged, Outcome, Settled
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, parent, record, subtask


class OneCommit(MemoryStore):
    """A log in which calls share a commit, as in a file: each is settled, and only then are all answered."""

    def __init__(self, calls: int) -> None:
        super().__init__(clock=lambda: 0.0)
        self.calls = calls
        self.waiting: list[
            tuple[Sequence[Record], Settled | None, Judged | None, asyncio.Future[list[Outcome]]]
        ] = []

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append((records, settled, judged, answer))
        if len(self.waiting) == self.calls:
            group, self.waiting = self.waiting, []
            outcomes = [await super(OneCommit, self).append(one, told, by) for one, told, by, _ in group]
            for (_, _, _, waiter), outcome in zip(group, outcomes, strict=True):
                waiter.set_result(outcome)
        return await answer


async def test_listeners_are_called_once_for_calls_that_shared_a_commit_and_before_any_is_answered() -> None:
    ingest = Ingest(OneCommit(3), LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
    told: list[list[int]] = []
    ingest.subscribe(lambda records: told.append([one.sequence for one in records]))
    seen: list[int] = []

    async def write(number: int) -> None:
        await ingest.append([record("DO", number)])
        seen.append(len(told))

    await asyncio.gather(*(write(number) for number in range(3)))
    assert told == [[1, 2, 3]]
    assert seen == [1, 1, 1]


async def test_what_was_not_told_yet_is_told_before_what_waits_for_a_fold() -> None:
    """A record that makes its thread be folded anew shares a commit with one before it."""
    log = OneCommit(1)
    ingest = Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
    told: list[list[int]] = []
    ingest.subscribe(lambda records: told.append([one.sequence for one in records]))
    await ingest.append([parent([subtask()], clock=1)])
    await ingest.append([record("DO", 5)])
    assert told == [[1], [2]]
    log.calls = 2
    late = record("DO", 3, {"topic": "task_started"})
    await asyncio.gather(ingest.append([record("DO", 0, thread="th_else")]), ingest.append([late]))
    assert told == [[1], [2], [3], [4]]
