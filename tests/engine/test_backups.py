"""The startup backup runs behind the daemon, tells the truth about itself, and ends with it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.backups import Backups
from syncropel.record.model import Record
from syncropel.store.sqlite.backup import STOPPED, BackupResult, backup
from syncropel.store.sqlite.store import SqliteStore

LIMIT_SECS = 30


async def log_of(path: Path, *numbers: int) -> None:
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in numbers])
    await store.close()


async def until_over(backups: Backups) -> dict[str, Any]:
    async with asyncio.timeout(LIMIT_SECS):
        await backups.over()
    return backups.told()


def records_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as log:
        return int(log.execute("SELECT count(*) FROM records").fetchone()[0])


async def test_it_says_what_it_does_and_what_became_of_it(tmp_path: Path) -> None:
    await log_of(tmp_path / "hub.db", 1, 2)
    place = tmp_path / "kept" / "hub.db.bak"
    begun, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> BackupResult:
        begun.set()
        assert go_on.wait(LIMIT_SECS)
        return backup(*given)

    backups = Backups(tmp_path / "hub.db", place, slow)
    assert backups.told()["state"] == "waiting"
    backups.begin()
    await asyncio.to_thread(begun.wait, LIMIT_SECS)
    assert (backups.told()["state"], backups.told()["records"]) == ("running", None)
    go_on.set()
    told = await until_over(backups)
    assert (told["state"], told["records"], told["problem"]) == ("ok", 2, "")
    assert records_in(place) == 2
    await backups.stop()


async def test_a_stop_in_the_middle_leaves_the_former_backup(tmp_path: Path) -> None:
    store, place = tmp_path / "hub.db", tmp_path / "kept" / "hub.db.bak"
    await log_of(store, 1)
    backup(store, place)
    await log_of(store, *range(2, 400))
    begun = threading.Event()

    def until_told(store: Path, place: Path, stopping: Callable[[], bool]) -> BackupResult:
        def look() -> bool:
            begun.set()
            return bool(stopping())

        while not stopping():  # as a copy of any length would be
            backup(store, tmp_path / "another.bak", look)
        return backup(store, place, stopping)

    backups = Backups(store, place, until_told)
    backups.begin()
    await asyncio.to_thread(begun.wait, LIMIT_SECS)
    async with asyncio.timeout(LIMIT_SECS):
        await backups.stop()
    assert (backups.told()["state"], backups.told()["records"]) == ("stopped", 1)
    assert records_in(place) == 1
    assert [one.name for one in place.parent.iterdir()] == ["hub.db.bak"]


@pytest.mark.parametrize("looks", [0, 1])
async def test_each_step_of_a_copy_can_be_the_last(tmp_path: Path, looks: int) -> None:
    store, place = tmp_path / "hub.db", tmp_path / "hub.db.bak"
    await log_of(store, *range(2000))
    seen: list[int] = []

    def stopping() -> bool:
        seen.append(1)
        return len(seen) > looks

    assert backup(store, place, stopping).refused == STOPPED
    assert len(seen) > looks
    assert sorted(one.name for one in tmp_path.iterdir() if "bak" in one.name) == []


async def test_commits_do_not_begin_the_copy_anew(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    await log_of(path, *range(30_000))
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    loop, steps = asyncio.get_running_loop(), 0

    def commit() -> bool:
        nonlocal steps
        steps += 1
        more = store.append([Record("th_b", "did:a", "DO", {"n": steps})])
        asyncio.run_coroutine_threadsafe(more, loop).result(LIMIT_SECS)
        return steps > 200

    saved = await asyncio.to_thread(backup, path, tmp_path / "hub.db.bak", commit)
    assert (saved.refused, saved.records) == ("", 30_000)
    assert store.count > 30_000
    await store.close()


async def test_what_goes_wrong_is_logged_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> BackupResult:
        raise ValueError("no such thing")

    backups = Backups(tmp_path / "hub.db", tmp_path / "hub.db.bak", broken)
    backups.begin()
    assert (await until_over(backups))["state"] == "kept"
    assert "the startup backup failed" in caplog.text
    await backups.stop()
