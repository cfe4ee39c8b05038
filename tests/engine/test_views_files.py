"""Views in a file: of another log, damaged, removed, or behind; and what does not depend on them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.views.lists import Lists
from syncropel.engine.views.opening import open_views, start_folds
from syncropel.errors import StoreError, Unavailable
from syncropel.peer.runtime import Runtime
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from syncropel.store.sqlite.store import SqliteStore
from syncropel.store.views.batch import Batch
from syncropel.store.views.views import Views, drop, views_path
from tests.engine.log_with_views import NOTHING_HELD, apply, note, opened_log
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, record


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


async def test_views_of_an_earlier_release_are_removed_at_the_start_after_the_first(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    older = [tmp_path / f"views-0.db{end}" for end in ("", "-wal", "-shm")]
    others = [tmp_path / name for name in ("views-99.db", "views-.db", "views-0.db.old", "my-views-0.db")]
    for one in (*older, *others):
        one.touch()
    async with opened_log(path) as (store, started):
        await apply(store, started, note(0))
    assert all(one.exists() for one in older), "that release may be started again, and finds what it left"
    async with opened_log(path):
        assert not any(one.exists() for one in older)
    assert all(one.exists() for one in others)


async def test_views_of_an_earlier_release_that_cannot_be_removed_stop_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "hub.db"
    async with opened_log(path) as (store, started):
        await apply(store, started, note(0))
    (tmp_path / "views-0.db").mkdir()
    async with opened_log(path) as (_, started):
        assert started.live.index.threads["th_plain"].records == 1
    assert "cannot remove" in caplog.text


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
        assert list(started.live.unwritten()) == ["th_plain", "th_new"]
    async with opened_log(path) as (_, started):
        assert started.live.index.threads["th_plain"].records == 6


async def test_a_freeze_is_taken_though_the_views_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    body = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "r", "at": 1.0}
    async with opened_log(path) as (store, started):
        await apply(store, started, record("LEARN", 0, body, thread=FLEET_CONTROL), note(0))
    async with opened_log(path) as (store, started):
        ingest = Ingest(store, started.live, Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
        views = started.projector.views
        assert views._writer is not None
        await views._writer.run(lambda log: log.execute("DROP TABLE threads"))
        with pytest.raises(StoreError):
            started.live.index.threads.get("th_plain")
        with pytest.raises(Unavailable, match="cannot read"):
            await ingest.append([note(1)])
        more = record("LEARN", 1, {**body, "namespace": "site"}, thread=FLEET_CONTROL)
        (outcome,) = await ingest.append([more], ruled=False)
        assert isinstance(outcome, Appended)
        assert started.live.control.covering("site")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link_to_nowhere(path: Path) -> None:
    path.symlink_to("/nonexistent/folder/views.db")


@pytest.mark.parametrize("blocked", [a_folder, a_link_to_nowhere])
async def test_a_start_without_room_for_views_has_them_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, blocked: Callable[[Path], None]
) -> None:
    path = tmp_path / "hub.db"
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append([note(number) for number in range(30)])
    blocked(views_path(path))
    views = await open_views(store)
    assert views.path is None
    assert views.displaced in [one.getMessage() for one in caplog.records]
    assert "in memory until the next start" in views.displaced
    started = await start_folds(store, views)
    assert started.live.index.threads["th_plain"].records == 30
    await started.projector.end()
    await store.close()


async def test_a_build_that_cannot_write_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("syncropel.engine.views.opening.STEP", 10)
    store, views = MemoryStore(clock=lambda: 0.0), await Views.open()
    await store.append([note(number, f"th_{number % 7}") for number in range(50)])

    async def full(batch: Batch, at_record: str) -> None:
        raise StoreError("no room", "")

    monkeypatch.setattr(views, "write", full)
    started = await start_folds(store, views, limits=NOTHING_HELD)
    assert started.projector.problem == "no room"
    assert [one.getMessage() for one in caplog.records] == ["the views fall behind: no room"]
    assert started.live.index.count == len(started.live.index.threads) == 7
