"""A log with its views, for tests: one that holds as little as it may, and one in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.views.eviction import Limits
from syncropel.engine.views.lists import Lists
from syncropel.engine.views.opening import Started, open_views, start_folds
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.views import Views
from tests.engine.rebuilt import rebuild
from tests.folds.build import record

NOTHING_HELD = Limits(threads=0, records=0, links=0, newest=0)
ALIASES = ("T-1", "T-2")
THREADS = ("th_task", "th_other", "th_child", "th_run", "th_plain")
_OURS = {"joined", "changes", "folded_through", "places", "rule_failures", "_source", "tally"}
"""Not compared as they are: order of arrival, what is only kept to keep the folds right, and the counts."""
_IN_MEMORY = ("tasks", "children", "forks", "aliases", "parts", "parents", "spend", "talks", "index")


@dataclass
class Log:
    """A log, its views, and folds that hold as little as they may."""

    limits: Limits = NOTHING_HELD
    store: MemoryStore = field(default_factory=lambda: MemoryStore(clock=lambda: 0.0))
    views: Views | None = None
    started: Started | None = None

    @property
    def live(self) -> LiveFolds:
        assert self.started is not None
        return self.started.live

    async def start(self) -> None:
        """Begin, or begin again after a crash: what was not flushed is gone."""
        self.views = self.views or await Views.open()
        self.started = await start_folds(self.store, self.views, limits=self.limits)

    async def flush(self) -> None:
        assert self.started is not None
        await self.started.projector.flush()

    async def take(self, *records: Record) -> None:
        outcomes = await self.store.append(records)
        for one in outcomes:
            if isinstance(one, Appended) and one.created:
                self.live.apply(one.stored)
        await self.live.refold(self.store)

    def ask(self, *intends: str) -> None:
        """Look for all that records may be about, whether there is any of it yet or not."""
        live = self.live
        parents, spent, counted = live.parents, live.spend.by_intend, live.tally.counted
        by_thread = (live.index.threads, live.tasks, live.children, live.forks, live.parts)
        for held in (*by_thread, parents.forks, parents.fan_outs, counted):
            for thread in THREADS:
                held.get(thread)
        for alias in ALIASES:
            live.aliases.get(alias)
        for intend in intends:
            spent.get(intend)

    async def check(self) -> None:
        """Compare with folds of the whole log in memory, and the views with views of the whole log."""
        again = await rebuild(self.store)
        live = self.live
        for name in set(LiveFolds.__slots__) - _OURS - set(_IN_MEMORY):
            assert getattr(live, name) == getattr(again, name), name
        assert set(live.joined) == set(again.joined)
        assert live.places >= again.places
        assert live.counts().scores() == again.counts().scores()
        assert live.counts().open_tasks == again.counts().open_tasks
        assert (live.index.count, live.index.actors) == (again.index.count, again.index.actors)
        for thread, line in again.index.threads.held():
            assert live.index.threads[thread] == line
            assert live.tasks.get(thread) == again.tasks.get(thread)
            assert live.children.get(thread) == again.children.get(thread)
            assert live.forks.get(thread) == again.forks.get(thread)
            assert (live.parts.get(thread) or set()) == (again.parts.get(thread) or set())
            assert live.parents.of(thread, live.tasks) == again.parents.of(thread, again.tasks)
            assert live.parents.forks.get(thread) == again.parents.forks.get(thread)
        for alias in ALIASES:
            assert (live.aliases.get(alias) is None) == (again.aliases.get(alias) is None)
        for intend, spent in again.spend.by_intend.held():
            assert live.spend.of(intend) == spent
        for intend, talk in again.talks.by_intend.held():
            assert live.talks.of(intend) == talk
        await self.check_lists(again)
        await self.flush()
        assert self.views is not None
        fresh = await Views.open()
        await (await start_folds(self.store, fresh, limits=self.limits)).projector.flush()
        assert self.views.dump() == fresh.dump()

    async def check_lists(self, again: LiveFolds) -> None:
        assert self.started is not None
        lists = Lists(self.live, self.store, self.started.projector)
        lines = sorted(again.index.threads.held(), key=lambda one: -one[1].last_sequence)
        assert [line.id for line in lists.threads(None, 1000)] == [thread for thread, _ in lines]
        assert lists.all_threads() == {thread for thread, _ in lines}
        tasks = sorted((state for _, state in again.tasks.held()), key=lambda one: -one.sequence)
        assert [one async for one in lists.tasks(None, None, None, 1000)] == tasks
        for state in tasks:
            assert state in [one async for one in lists.tasks(None, None, state.status, 1000)]
            assert state not in [one async for one in lists.tasks(state.sequence, None, None, 1000)]


class opened_log:  # noqa: N801
    """A log in a file with its views, opened and closed in order."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> tuple[SqliteStore, Started]:
        self.store = await SqliteStore.open(self._path, clock=lambda: 0.0)
        self.started = await start_folds(self.store, await open_views(self.store), limits=NOTHING_HELD)
        return self.store, self.started

    async def __aexit__(self, *_: object) -> None:
        await self.started.projector.end()
        await self.store.close()


async def apply(store: SqliteStore, started: Started, *records: Record) -> list[StoredRecord]:
    outcomes = await store.append(records)
    stored = [one.stored for one in outcomes if isinstance(one, Appended)]
    for one in stored:
        started.live.apply(one)
    return stored


def note(number: int, thread: str = "th_plain") -> Record:
    return record("KNOW", number, {"topic": "note", "number": number}, thread=thread)
