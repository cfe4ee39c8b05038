"""What of the folds is in memory, what is found again, and what a write that fails leaves to the next one."""

from __future__ import annotations

import asyncio

import pytest

from syncropel.engine.forks.forking import Forking
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.views.eviction import Limits
from syncropel.engine.views.lists import Lists
from syncropel.errors import StoreError
from syncropel.folds.fanout.child import SESSION
from syncropel.folds.forks.state import SUB_THREAD
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import OPERATOR
from syncropel.record.threads import RESERVED
from syncropel.store.views.batch import Batch
from tests.engine.any_records import CHILD_BODY
from tests.engine.log_with_views import Log, note
from tests.folds.build import COORDINATOR, WORKER_A, done, parent, record, spawned, subtask


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


async def test_a_record_on_a_plain_thread_asks_the_views_for_nothing_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look into a file costs a record more than everything else that is done for it in memory."""
    log = Log()
    await log.start()
    ingest = Ingest(log.store, log.live, Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
    Forking(ingest, COORDINATOR, Runtime())
    looks: list[str] = []
    assert log.views is not None
    read = log.views._rows
    monkeypatch.setattr(
        log.views, "_rows", lambda words, *values: looks.append(words) or read(words, *values)
    )
    await ingest.append([note(1)], writer=OPERATOR)
    assert looks, "a thread that nobody knows is looked for"
    looks.clear()
    await ingest.append([note(2), record("DO", 3, {"n": 1}, thread="th_plain")], writer=OPERATOR)
    assert looks == []
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


async def test_a_write_that_fails_is_told_once_and_made_good_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("syncropel.engine.views.projector.EVERY_SECS", 0)
    monkeypatch.setattr("syncropel.engine.views.projector._AGAIN_SECS", 0)
    log = Log()
    await log.start()
    assert log.views is not None
    assert log.started is not None
    projector, write, tries = log.started.projector, log.views.write, list[str]()
    enough = asyncio.Event()

    async def full(batch: Batch, at_record: str) -> None:
        tries.append(projector.problem)
        if len(tries) == 3:
            enough.set()
        raise StoreError("no room", "")

    monkeypatch.setattr(log.views, "write", full)
    await log.take(note(0))
    running = asyncio.ensure_future(projector.run())
    await enough.wait()
    assert tries[:3] == ["", "no room", "no room"]
    assert [one.getMessage() for one in caplog.records] == ["the views fall behind: no room"]
    written = asyncio.Event()

    async def works(batch: Batch, at_record: str) -> None:
        await write(batch, at_record)
        written.set()

    monkeypatch.setattr(log.views, "write", works)
    await written.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (projector.problem, projector.position) == ("", 1)
    await log.check()


@pytest.mark.parametrize("settled", [True, False])
async def test_what_comes_during_a_write_that_fails_counts(
    monkeypatch: pytest.MonkeyPatch, settled: bool
) -> None:
    log = Log()
    await log.start()
    intend = record("INTEND", 0, CHILD_BODY, thread="th_child")
    session = {"topic": SESSION, "child_intend": intend.id, "child_thread": "th_child", "at": 1.0, "pid": 7}
    result = record("KNOW", 1, {"fulfills": intend.id, "verdict": "accept"}, thread="th_child")
    assert log.views is not None
    assert log.started is not None
    lists = Lists(log.live, log.store, log.started.projector)

    async def full(batch: Batch, at_record: str) -> None:
        assert lists.runs_on("th_child") == {"th_run"}, "what is being written is not there yet"
        await log.take(result if settled else note(0))
        raise StoreError("no room", "")

    await log.take(intend, record("KNOW", 1, session, thread="th_run", actor=WORKER_A))
    with monkeypatch.context() as broken:
        broken.setattr(log.views, "write", full)
        with pytest.raises(StoreError):
            await log.flush()
    await log.flush()
    assert lists.runs_on("th_child") == {"th_run"}
    await log.start()
    assert [start.pid for start in log.live.starts.of(intend.id)] == ([] if settled else [7])
    await log.check()


async def test_families_of_threads_are_looked_at_again_where_a_step_may_be_missing() -> None:
    log = Log()
    await log.start()
    part = {"task": True, "parent_thread": "th_task"}
    await log.take(record("INTEND", 0, {"task": True}), record("INTEND", 0, part, thread="th_part"))
    assert log.started is not None
    log.started.projector.pending = lambda: {"th_late"}
    await log.flush()
    fork = {SUB_THREAD: "th_fork", "goal": "g"}
    await log.take(note(0), record("INTEND", 1, fork, thread="th_forker"))
    await log.start()
    assert log.started.unsettled == {"th_late", "th_forker", "th_fork"}
    assert set(log.started.projector.pending()) == log.started.unsettled
    log.views = None
    await log.start()
    assert log.started.unsettled == {"th_part", "th_forker", "th_fork"}
    await log.take(
        parent([subtask()], clock=20),  # its join is over subtasks, which others look after
        record("KNOW", 2, {"verdict": "reject"}, thread="th_forker"),
        record("INTEND", 0, {"task": True, "join": "all"}, thread="th_joiner"),
    )
    log.views = None
    await log.start()
    assert log.started.unsettled == {"th_part", "th_fork", "th_joiner"}


async def test_what_a_late_record_changed_is_not_found_by_what_the_views_still_say() -> None:
    log = Log()
    await log.start()
    named = {"task": True, "alias": "T-1", "parent_thread": "th_plain"}
    await log.take(record("INTEND", 5, named))
    await log.flush()
    await log.take(record("INTEND", 1, {"task": True, "alias": "T-2", "parent_thread": "th_other"}))
    assert (log.live.aliases.get("T-1"), log.live.aliases.get("T-2")) == (None, "th_task")
    assert (log.live.parts.get("th_plain") or set(), log.live.parts.get("th_other")) == (set(), {"th_task"})
    await log.check()


async def test_a_thread_that_only_looks_leaves_nothing_behind() -> None:
    """What it read may be out of date before it could put it where records are applied."""
    log = Log()
    await log.start()
    await log.take(record("INTEND", 0, {"task": True, "alias": "T-1"}))
    await log.flush()
    seen = await asyncio.to_thread(log.live.tasks.get, "th_task")
    assert seen is not None
    assert log.live.tasks.peek("th_task") is None
    assert log.live.tasks.get("th_task") is log.live.tasks.peek("th_task")


async def test_work_that_names_no_namespace_is_in_none_called_nothing() -> None:
    log = Log()
    await log.start()
    await log.take(record("INTEND", 0, CHILD_BODY, thread="th_child"))
    assert "" not in log.live.places
