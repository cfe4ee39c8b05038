"""Group commit: appends that arrive during a commit share the next one, whatever the log is stored in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from syncropel.record.model import Record
from syncropel.store.base import Outcome, Settled
from syncropel.store.calls import Call, Committed
from syncropel.store.intake import tell
from syncropel.store.refusals import Moved, OutcomeUnknown, StoreUnreachable

GROUP_RECORDS: Final = 2000
"""A group accepts no further call once it has this many records, so that nobody waits long for others."""
GROUP_CHARS: Final = 32 * 1024 * 1024
"""The same for the bodies of its records: a database accepts only so much in one statement."""

Commit = Callable[[Sequence[Call]], Awaitable[Committed]]
"""Writes calls in one commit, in order; returns once it is durable, and raises when nothing was written."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    call: Call
    answer: asyncio.Future[list[Outcome]]
    settled: Settled | None


class GroupCommit:
    """One task at a time takes what has queued up and commits it as a group.

    `last`: the log's last sequence. `ends`: whether a call is the last of its group. `patience`: seconds
    after which a caller gets an error instead of its outcomes; None waits for ever, which suits a disk.
    """

    def __init__(
        self,
        commit: Commit,
        last: int,
        *,
        ends: Callable[[Call], bool] = lambda _: False,
        patience: float | None = None,
    ) -> None:
        self._commit = commit
        self._ends = ends
        self._patience = patience
        self._queue: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self.last_sequence = last
        self.commits = 0
        """How many groups have been committed since the store was opened."""

    async def submit(self, call: Call, settled: Settled | None = None) -> list[Outcome]:
        """Queue `call` and return its outcomes after the commit that includes it.

        A cancelled caller leaves its call in the queue. Raises what the commit raised, and Moved when the
        call was judged before the newest ruling record. Once patience is over it raises StoreUnreachable for
        a call that was still in the queue, which is then not written, and OutcomeUnknown for one that is
        being written: its `settled` is called all the same, as soon as that is known.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(call, loop.create_future(), settled)
        self._queue.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._drain(), name="store-writer")
        if self._patience is None:
            return await waiting.answer
        timer = loop.call_later(self._patience, self._give_up, waiting)
        try:
            return await waiting.answer
        finally:
            timer.cancel()

    async def finish(self) -> None:
        """Wait until the queue is empty."""
        while self._task is not None:
            await asyncio.wait([self._task])

    def _give_up(self, waiting: _Waiting) -> None:
        if waiting.answer.done():
            return
        if waiting in self._queue:
            self._queue.remove(waiting)
            _fail([waiting], StoreUnreachable("the database does not answer: nothing was written"))
        else:
            waiting.answer.set_exception(OutcomeUnknown("the database does not say whether it has them"))

    async def _drain(self) -> None:
        try:
            while self._queue:
                group = self._next_group()
                try:
                    committed = await self._commit([waiting.call for waiting in group])
                except asyncio.CancelledError:
                    _cancel(group)
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                    _fail(group, error)
                else:
                    self._succeed(group, committed)
        finally:
            # Only a loop that is being torn down ends this task with calls in the queue.
            _cancel(self._queue)
            self._queue.clear()
            self._task = None

    def _next_group(self) -> list[_Waiting]:
        group = [self._queue.popleft()]
        if not self._queue:  # most often: nobody else writes just now
            return group
        size, chars = len(group[0].call.records), _chars(group[0].call)
        while self._queue and not self._ends(group[-1].call):
            size += len(self._queue[0].call.records)
            chars += _chars(self._queue[0].call)
            if size > GROUP_RECORDS or chars > GROUP_CHARS:
                break
            group.append(self._queue.popleft())
        return group

    def _succeed(self, group: Sequence[_Waiting], committed: Committed) -> None:
        self.last_sequence = committed.head.last
        self.commits += 1
        for waiting, outcomes in zip(group, committed.outcomes, strict=True):
            if isinstance(outcomes, Moved):
                _fail([waiting], outcomes)
                continue
            tell(waiting.settled, outcomes)
            if not waiting.answer.done():
                waiting.answer.set_result(outcomes)


def _chars(call: Call) -> int:
    return sum(len(record.body_json) for record in call.records if isinstance(record, Record))


def _cancel(group: Iterable[_Waiting]) -> None:
    for waiting in group:
        tell(waiting.settled, [])
        waiting.answer.cancel()


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        tell(waiting.settled, [])
        if not waiting.answer.done():
            waiting.answer.set_exception(error)
