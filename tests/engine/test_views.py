"""Views against a rebuild: whatever is flushed, forgotten, lost in a crash, or arrives late, folds that start
from views and load what they let go of say what folds of the whole log say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds, rebuild
from syncropel.engine.views.lists import Lists
from syncropel.engine.views.opening import Started, open_views, start_folds
from syncropel.engine.views.residents import Limits
from syncropel.errors import StoreError
from syncropel.folds.fanout.child import LOST, OUTPUT_EVENTS, RUN, SESSION, STREAM_EVENT
from syncropel.folds.fanout.sessions import TOPICS as SESSIONS
from syncropel.folds.forks.state import FORK_CLOSED, SUB_THREAD
from syncropel.record.model import ACTS, Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL, RESERVED
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.batch import Batch
from syncropel.store.views.views import Views, drop, views_path
from tests.engine.any_records import BODIES, CHILD_BODY, OPENINGS
from tests.engine.test_live import at_once
from tests.folds.build import COORDINATOR, WORKER_A, done, parent, record, spawned, subtask

NOTHING_HELD = Limits(threads=0, records=0, links=0, newest=0)
THREADS = ("th_task", "th_other", "th_child", "th_run", "th_plain")
_OURS = {"joined", "changes", "folded_through", "places", "rule_failures", "_source", "tally"}
"""Not compared as they are: order of arrival, what is only kept to keep the folds right, and the counts."""
_IN_MEMORY = ("tasks", "children", "forks", "aliases", "parts", "parents", "spend", "index")


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
        for alias, thread in again.aliases.held():
            assert (live.aliases.get(alias) is None) == (thread is None)
        for intend, spent in again.spend.by_intend.held():
            assert live.spend.of(intend) == spent
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


def bodies() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """Acts and bodies: of everything that is kept apart from its own thread, and any other."""
    intends = st.sampled_from(["a" * 64, "b" * 64])
    observed = st.builds(
        lambda topic, intend, child, cost: (
            "KNOW",
            {"topic": topic, "child_intend": intend, "child_thread": child, "cost_usd": cost, "run": "r"},
        ),
        st.sampled_from([*sorted(OUTPUT_EVENTS), *sorted(SESSIONS), STREAM_EVENT, LOST, RUN]),
        intends,
        st.sampled_from(THREADS),
        st.sampled_from([0.25, 0.5, 1, None]),
    )
    task = st.builds(
        lambda alias, parent_thread, more: (
            "INTEND",
            {"task": True, "alias": alias, "parent_thread": parent_thread, **more},
        ),
        st.sampled_from(["T-1", "T-2", ""]),
        st.sampled_from(["", *THREADS]),
        st.sampled_from([{}, {"subtasks": [subtask(), subtask(0)]}, {"namespace": "docs"}]),
    )
    fork = st.builds(
        lambda child, act: (act, {SUB_THREAD: child, "goal": "g"}),
        st.sampled_from(THREADS),
        st.sampled_from(["INTEND", "DO"]),
    )
    told = st.builds(
        lambda child: ("KNOW", {"topic": FORK_CLOSED, "child_thread": child, "result": "accept"}),
        st.sampled_from(THREADS),
    )
    child = st.builds(
        lambda attempt: ("INTEND", {**CHILD_BODY, "attempt": attempt, "repo": "here"}), st.integers(1, 2)
    )
    result = st.builds(
        lambda intend, verdict: ("KNOW", {"fulfills": intend, "verdict": verdict}),
        intends,
        st.sampled_from(["accept", "reject"]),
    )
    facts = st.sampled_from([spawned(0, 1), done(0, 1), spawned(1, 1)]).map(lambda one: (one.act, one.body))
    anything = st.tuples(st.sampled_from(sorted(ACTS)), BODIES)
    return st.one_of(observed, task, fork, told, child, result, facts, anything)


_BODIES = bodies()
_STEPS = st.one_of(
    st.tuples(
        st.sampled_from([*THREADS, *sorted(RESERVED)]),
        st.sampled_from([COORDINATOR, WORKER_A]),
        st.integers(0, 12),
        _BODIES,
    ),
    st.sampled_from(["flush", "crash", "flush", "fail"]),
)


@settings(max_examples=200)
@given(st.lists(_STEPS, min_size=3, max_size=25), st.sampled_from([NOTHING_HELD, Limits()]), OPENINGS)
def test_folds_by_way_of_views_are_the_folds_of_the_log(
    steps: list[Any], limits: Limits, opening: dict[str, Any]
) -> None:
    async def story() -> None:
        log = Log(limits)
        await log.start()
        await log.take(record("INTEND", 0, opening))
        for step in steps:
            if step == "crash":
                await log.start()
            elif step == "flush":
                await log.flush()
            elif step == "fail":
                await fail_once(log)
            else:
                thread, actor, clock, (act, body) = step
                await log.take(record(act, clock, body, actor=actor, thread=thread))
        await log.check()
        await log.start()
        await log.check()

    at_once(story())


async def fail_once(log: Log) -> None:
    """A flush that the disk refuses: nothing of it is written, and the next one writes it all."""
    assert log.views is not None
    assert log.started is not None
    write, log.views.write = log.views.write, refuse  # type: ignore[method-assign]
    log.started.projector.position = -1  # so that there is something to write
    with pytest.raises(StoreError):
        await log.flush()
    log.views.write = write  # type: ignore[method-assign]


async def refuse(batch: Batch, at_record: str) -> None:
    raise StoreError("no room", "")


async def test_what_is_open_is_there_at_once_and_what_is_closed_is_not_held() -> None:
    log = Log()
    await log.start()
    opened = parent([subtask(), subtask()])
    await log.take(opened, spawned(0, 1))
    for number in range(20):
        body = {"task": True, "alias": f"D-{number}"}
        await log.take(
            record("INTEND", 0, body, thread=f"th_{number}"),
            record("DO", 1, {"topic": "task_cancelled"}, thread=f"th_{number}"),
        )
    await log.flush()
    await log.start()
    assert list(log.live.active) == ["th_task"]
    assert [thread for thread, _ in log.live.tasks.held()] == ["th_task"]
    assert len(log.live.index.threads) <= 1 + len(RESERVED)
    found = log.live.task("D-7")
    assert found is not None
    assert (found.thread, found.status) == ("th_7", "cancelled")
    await log.take(done(0, 2), record("DO", 3, {"topic": "task_comment"}, thread="th_7"))
    await log.flush()
    assert {thread for thread, _ in log.live.tasks.held()} == {"th_task"}
    await log.check()


async def test_a_long_task_is_folded_beside_the_loop_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("syncropel.engine.views.lists.LONG", 3)
    log = Log()
    await log.start()
    await log.take(
        parent([subtask()]), spawned(0, 1), done(0, 2), record("DO", 3, {"topic": "task_cancelled"})
    )
    await log.take(record("INTEND", 0, {"task": True, "alias": "short"}, thread="th_short"))
    await log.flush()
    assert log.started is not None
    lists = Lists(log.live, log.store, log.started.projector)
    for name in ("T-1", "short", "nobody"):
        await lists.warm(name)
    assert [(thread, state.status) for thread, state in log.live.tasks.held()] == [("th_task", "cancelled")]
    await log.check()


async def test_what_somebody_looks_at_stays_however_long_it_is() -> None:
    log = Log(Limits(threads=0, records=0, links=0, newest=2))
    await log.start()
    for number in range(4):
        await log.take(record("INTEND", 0, {"task": True, "alias": f"D-{number}"}, thread=f"th_{number}"))
    await log.flush()
    assert [thread for thread, _ in log.live.tasks.held()] == ["th_2", "th_3"]


async def test_a_flipped_bit_in_the_views_does_not_lift_a_freeze(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "r", "at": 1.0}
    async with opened_log(path) as (store, started):
        await apply(store, started, record("LEARN", 0, body, thread=FLEET_CONTROL))
        assert started.live.control.covering("docs")
    views = await Views.open(views_path(path))
    assert views._writer is not None
    await views._writer.run(lambda log: log.execute("DELETE FROM threads"))
    await views.close()
    async with opened_log(path) as (_, started):
        assert started.live.control.covering("docs")


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


async def test_a_second_start_reads_only_what_came_since(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    async with opened_log(path) as (store, started):
        await apply(store, started, *map(note, range(50)))
        await started.projector.flush()
        await apply(store, started, note(50))
        # The process is killed here: the views stay where they were.
        await started.projector.views.close()
    seen: list[int] = []
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    views = await open_views(store)
    assert views.meta()["position"] == "50"
    started = await start_folds(store, views, seen.append)
    assert started.live.index.threads["th_plain"].records == 51
    assert seen == [51]
    await started.projector.end()
    await store.close()


Change = Callable[[Path], Awaitable[None]]


async def cut(path: Path) -> None:
    """The log lost its end."""
    await sql(path, "DELETE FROM records WHERE sequence > 20")


async def another(path: Path) -> None:
    """Another log stands in its place, of the same length."""
    path.unlink()
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append([note(number, "th_else") for number in range(30)])
    await store.close()


async def damaged(path: Path) -> None:
    """The file of the views is no database any more."""
    views_path(path).write_bytes(b"no database" * 500)


async def removed(path: Path) -> None:
    assert drop(views_path(path))


async def sql(path: Path, statement: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as log:
        log.execute(statement)
        log.commit()


@pytest.mark.parametrize("change", [cut, another, damaged, removed])
async def test_views_that_are_not_of_the_log_are_built_anew(tmp_path: Path, change: Change) -> None:
    path = tmp_path / "hub.db"
    async with opened_log(path) as (store, started):
        await apply(store, started, *map(note, range(30)))
    await change(path)
    async with opened_log(path) as (store, started):
        again = await rebuild(store)
        assert {thread: line.records for thread, line in again.index.threads.held()} == {
            thread: started.live.index.threads[thread].records
            for thread in Lists(started.live, store, started.projector).all_threads()
        }


async def test_views_that_cannot_be_read_are_told_and_built_anew_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    async with opened_log(path) as (store, started):
        await apply(store, started, *map(note, range(30)))
    async with opened_log(path) as (store, started):
        views = started.projector.views
        assert views._writer is not None
        await views._writer.run(lambda log: log.execute("DROP TABLE runs"))
        with pytest.raises(StoreError, match=r"cannot read .*views-1\.db"):
            started.live.spend.of("a" * 64)
        assert "cannot read" in views.problem
    async with opened_log(path) as (store, started):
        assert started.live.spend.of("a" * 64).usd == 0
        assert not started.projector.views.problem


async def test_a_flush_in_progress_loses_nothing_that_comes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    async with opened_log(path) as (store, started):
        await apply(store, started, *map(note, range(5)))
        flushing = asyncio.ensure_future(started.projector.flush())
        await asyncio.sleep(0)
        await apply(store, started, note(5), note(0, "th_new"))
        assert [line.id for line in Lists(started.live, store, started.projector).threads(None, 9)] == [
            "th_new",
            "th_plain",
        ]
        await flushing
        assert started.projector.views.meta()["position"] == "5"
        assert list(started.projector.unwritten()) == ["th_plain", "th_new"]
    async with opened_log(path) as (_, started):
        assert started.live.index.threads["th_plain"].records == 6


async def test_sessions_of_attempts_without_a_result_are_known_after_a_start() -> None:
    log = Log()
    await log.start()
    intend = record("INTEND", 0, CHILD_BODY, thread="th_child")
    session = {"topic": SESSION, "child_intend": intend.id, "child_thread": "th_child", "at": 1.0, "pid": 7}
    await log.take(intend, record("KNOW", 1, session, thread="th_run", actor=WORKER_A))
    await log.flush()
    await log.start()
    assert [start.pid for start in log.live.starts.of(intend.id)] == [7]
    assert log.live.open_children.keys() == {"th_child"}
    result = record("KNOW", 1, {"fulfills": intend.id, "verdict": "accept"}, thread="th_child")
    await log.take(result)
    assert (log.live.unreported, log.live.open_children) == ({result.id: "th_child"}, {})
    await log.flush()
    await log.start()
    assert log.live.starts.of(intend.id) == ()
    assert log.live.unreported == {result.id: "th_child"}
    log.live.acknowledged([result.id])
    await log.flush()
    await log.start()
    assert log.live.unreported == {}
