"""The replays that this daemon keeps open: the most recently viewed threads, folded off the event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from syncropel.api.tasks.task_views import MadeChildren
from syncropel.engine.engine import Engine
from syncropel.engine.ingest.collector import uncollected
from syncropel.folds.fanout.join import JoinDecision, decide
from syncropel.folds.fanout.subtasks import Child
from syncropel.folds.replay.walk import Replay
from syncropel.folds.tasks.state import TaskState
from syncropel.policy.guard import record_altered
from syncropel.policy.joining import decide_join_from_thread, parse_join_safely
from syncropel.store.base import RecordFilter

MAX_OPEN: Final = 8
MAX_RECORDS: Final = 250_000
"""Of all open replays together; the most recently viewed one always stays."""

Seen = TypeVar("Seen")


@dataclass(frozen=True, slots=True)
class JoinJudge:
    """A `folds.thread_state.Judge` that evaluates CEL. Not for the event loop: it waits for expressions.

    `names`: aliases of instances by DID, for its explanations.
    """

    names: dict[str, str]

    def __call__(self, task: TaskState, children: Sequence[Child], exact: bool) -> JoinDecision:
        fanout = task.fanout
        assert fanout is not None
        if not exact:
            decision = decide(parse_join_safely(fanout.join, len(children)), children)
            if decision.satisfiable:
                return decision
        return decide_join_from_thread(fanout, children, task.alias, self.names)


@dataclass(slots=True)
class _Open:
    """One replay; whoever moves it holds `lock`."""

    replay: Replay | None = None
    names: dict[str, str] = field(default_factory=dict)
    made: MadeChildren = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Replays:
    """Replays by thread, in a least-recently-used cache."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open: OrderedDict[str, _Open] = OrderedDict()

    @property
    def open(self) -> list[str]:
        """The threads whose replays are kept, the most recently viewed one last."""
        return list(self._open)

    def made(self, thread: str, names: dict[str, str]) -> MadeChildren:
        """The wire models made of the thread's subtasks so far, as long as instances keep these names.

        Only for use inside the function passed to `look`.
        """
        one = self._open.setdefault(thread, _Open())
        if one.names != names:
            one.names, one.made = names, {}
        return one.made

    async def look(self, thread: str, see: Callable[[Replay], Seen]) -> Seen:
        """The result of `see` for the thread's replay, up to date with the log.

        `see` runs off the event loop, and nobody else moves the replay meanwhile.
        """
        one = self._open.setdefault(thread, _Open())
        self._open.move_to_end(thread)
        async with one.lock:
            if (altered := self._engine.ingest.live.altered.get(thread)) is not None:
                one.replay = None
                raise record_altered(altered, thread)
            one.replay = await self._current(thread, one.replay)
            self._make_room()
            return await asyncio.to_thread(see, one.replay)

    async def _current(self, thread: str, replay: Replay | None) -> Replay:
        store = self._engine.store
        expected = self._engine.ingest.live.index.threads[thread].records
        if replay is not None and replay.total < expected:
            newer = RecordFilter(thread, since=replay.highest_clock, limit=expected)
            await asyncio.to_thread(replay.extend, await store.query(newer))
        if replay is None:
            with uncollected(expected):
                records = await store.thread(thread)
                await self._engine.quarantine.refuse_altered(records)
                return await asyncio.to_thread(Replay, thread, records, JoinJudge({}))
        if replay.total < expected:  # some came late: their clocks lie among those known
            with uncollected(expected):
                await asyncio.to_thread(replay.extend, await store.thread(thread))
        return replay

    def _make_room(self) -> None:
        while len(self._open) > 1 and (len(self._open) > MAX_OPEN or self._records > MAX_RECORDS):
            self._open.popitem(last=False)

    @property
    def _records(self) -> int:
        return sum(one.replay.total for one in self._open.values() if one.replay is not None)
