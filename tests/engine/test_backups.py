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

from syncropel.engine.backups import Backups, outcome
from syncropel.errors import Conflict, SetupError
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.settings.config import BackupSettings
from syncropel.store.lineage.lineage import LineageFile
from syncropel.store.refusals import StoreReplaced
from syncropel.store.sqlite.backup import STOPPED, BackupResult, backup
from syncropel.store.sqlite.manifest import Rotation
from syncropel.store.sqlite.store import SqliteStore

LIMIT_SECS = 30


async def log_of(path: Path, *numbers: int) -> SqliteStore:
    """A store with records of these numbers, open."""
    store = await SqliteStore.open(path, clock=lambda: 0.0, lineage=LineageFile(path.with_name("lineage")))
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in numbers])
    return store


async def ended(backups: Backups) -> dict[str, Any]:
    """What it says once the copy that was begun has ended."""
    async with asyncio.timeout(LIMIT_SECS):
        while backups.told()["state"] in ("waiting", "running"):  # noqa: ASYNC110 - it is only ever asked
            await asyncio.sleep(0.005)
    return backups.told()


def records_in(path: Path) -> int:
    with closing(sqlite3.connect(path)) as log:
        return int(log.execute("SELECT count(*) FROM records").fetchone()[0])


async def test_it_says_what_it_does_and_what_became_of_it(tmp_path: Path) -> None:
    store = await log_of(tmp_path / "hub.db", 1, 2)
    place = tmp_path / "kept" / "hub.db.bak"
    begun, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> BackupResult:
        given[3].progress("copying", 3, 9)
        begun.set()
        assert go_on.wait(LIMIT_SECS)
        return backup(*given)

    backups = Backups(store, place, copy=slow)
    assert (backups.told()["state"], backups.told()["progress"]) == ("waiting", None)
    backups.begin()
    await asyncio.to_thread(begun.wait, LIMIT_SECS)
    assert backups.told()["progress"] == {"what": "copying", "done": 3, "of": 9}
    assert (backups.told()["state"], backups.told()["records"], backups.told()["at"]) == (
        "running",
        None,
        None,
    )
    with pytest.raises(Conflict, match="being taken already"):
        await backups.now()
    go_on.set()
    told = await ended(backups)
    assert (told["state"], told["records"], told["problem"]) == ("ok", 2, "")
    assert told["at"] > 0
    assert records_in(place) == 2
    assert store.lineage is not None
    (point,) = [one for one in store.lineage.points if one.backup]
    assert (point.sequence, point.backup, point.digest) == (2, str(place), store.lineage.head.digest)
    await backups.stop()
    await store.close()


async def test_a_stop_in_the_middle_leaves_the_former_backup(tmp_path: Path) -> None:
    path, place = tmp_path / "hub.db", tmp_path / "kept" / "hub.db.bak"
    store = await log_of(path, 1)
    backup(path, place)
    begun = threading.Event()

    def until_told(path: Path, place: Path, stopping: Callable[[], bool], *_: Any) -> BackupResult:
        def look() -> bool:
            begun.set()
            return bool(stopping())

        while not stopping():  # as a copy of any length would be
            backup(path, tmp_path / "another.bak", look)
        return backup(path, place, stopping)

    backups = Backups(store, place, copy=until_told)
    backups.begin()
    await asyncio.to_thread(begun.wait, LIMIT_SECS)
    await store.append([Record("th_a", "did:a", "DO", {"n": 2})])
    async with asyncio.timeout(LIMIT_SECS):
        await backups.stop()
    assert (backups.told()["state"], backups.told()["records"]) == ("stopped", 1)
    assert records_in(place) == 1
    assert sorted(one.name for one in place.parent.iterdir()) == ["hub.db.bak", "hub.db.bak.json"]
    await store.close()


async def test_one_is_taken_when_somebody_asks(tmp_path: Path) -> None:
    store = await log_of(tmp_path / "hub.db", 1)
    backups = Backups(store, tmp_path / "kept" / "hub.db.bak")
    saved = (await backups.now())[0].saved
    assert (saved.records, saved.path) == (1, tmp_path / "kept" / "hub.db.bak")
    await store.append([Record("th_a", "did:a", "DO", {"n": 2})])
    elsewhere = (await backups.now(tmp_path / "usb"))[0].saved
    assert (elsewhere.records, elsewhere.path) == (2, tmp_path / "usb" / "hub.db.bak")
    assert records_in(saved.path) == 1
    await store.close()


async def test_what_is_left_of_a_removed_store_can_be_saved(tmp_path: Path) -> None:
    store = await log_of(tmp_path / "hub.db", *range(3000))
    (tmp_path / "hub.db").unlink()
    with pytest.raises(StoreReplaced):
        await store.append([Record("th_a", "did:a", "DO", {"n": 1})])
    (taken,) = await Backups(store, tmp_path / "kept" / "hub.db.bak").now(tmp_path / "usb")
    assert records_in(taken.saved.path) == 3000 + 1  # the refused one is in there, too
    with pytest.raises(StoreReplaced):
        await store.close()


async def test_they_go_on_by_a_schedule(tmp_path: Path) -> None:
    store = await log_of(tmp_path / "hub.db", 1)
    slept: list[float] = []

    async def hours(secs: float) -> None:
        slept.append(secs)
        if len(slept) == 3:
            await asyncio.Event().wait()
        await store.append([Record("th_a", "did:a", "DO", {"n": len(slept)})])

    place = tmp_path / "kept" / "hub.db.bak"
    backups = Backups(
        store, place, BackupSettings(every_hours=2.0, keep_starts=2, keep_days=0), Runtime(sleep=hours)
    )
    backups.begin()
    async with asyncio.timeout(LIMIT_SECS):
        while len(slept) < 3:  # noqa: ASYNC110 - the fake clock is only ever asked
            await asyncio.sleep(0.005)
    assert slept == [7200.0] * 3
    assert records_in(place) == 3
    assert len([*place.parent.glob("*.bak")]) == 2
    await backups.stop()
    await store.close()


@pytest.mark.parametrize("looks", [0, 1, 2, 5])
async def test_each_step_of_a_copy_can_be_the_last(tmp_path: Path, looks: int) -> None:
    store, place = tmp_path / "hub.db", tmp_path / "hub.db.bak"
    await (await log_of(store, *range(2000))).close()
    seen: list[int] = []

    def stopping() -> bool:
        seen.append(1)
        return len(seen) > looks

    assert backup(store, place, stopping).refused == STOPPED
    assert len(seen) > looks
    assert sorted(one.name for one in tmp_path.iterdir() if "bak" in one.name) == []


async def test_commits_do_not_begin_the_copy_anew(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = await log_of(path, *range(30_000))
    loop, steps = asyncio.get_running_loop(), 0

    def commit() -> bool:
        nonlocal steps
        steps += 1
        more = store.append([Record("th_b", "did:a", "DO", {"n": steps})])
        asyncio.run_coroutine_threadsafe(more, loop).result(LIMIT_SECS)
        return steps > 1000

    saved = await asyncio.to_thread(backup, path, tmp_path / "hub.db.bak", commit)
    assert (saved.refused, saved.records) == ("", 30_000)
    assert store.count > 30_000
    await store.close()


async def test_what_goes_wrong_is_logged_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any) -> BackupResult:
        raise ValueError("no such thing")

    store = await log_of(tmp_path / "hub.db", 1)
    backups = Backups(store, tmp_path / "hub.db.bak", copy=broken)
    backups.begin()
    told = await ended(backups)
    assert (told["state"], told["problem"]) == ("failed", "no such thing")
    assert "the backup failed" in caplog.text
    with pytest.raises(SetupError, match="no backup was taken: no such thing"):
        await backups.now()
    await backups.stop()
    with pytest.raises(SetupError):
        await backups.now()
    await store.close()


async def test_each_goes_to_a_second_folder_too(tmp_path: Path) -> None:
    store = await log_of(tmp_path / "hub.db", 1)
    place, second = tmp_path / "kept" / "hub.db.bak", tmp_path / "disk" / "own" / "hub.db.bak"
    (tmp_path / "disk").mkdir()
    saved: list[tuple[Path, bool]] = []

    def beside(folder: Path, rotation: Rotation | None, now: float) -> bool:
        saved.append((folder, rotation is not None))
        return True

    async def once(secs: float) -> None:
        await asyncio.Event().wait()

    settings = BackupSettings(every_hours=1.0)
    backups = Backups(store, place, settings, Runtime(sleep=once), beside=beside, second=second)
    backups.begin()
    async with asyncio.timeout(LIMIT_SECS):
        while len(saved) < 2 or backups.told()["state"] == "running":  # noqa: ASYNC110 - it is only asked
            await asyncio.sleep(0.005)
    assert (records_in(place), records_in(second)) == (1, 1)
    assert (backups.told()["state"], backups.told()["path"]) == ("ok", str(second))
    usual = [(place.parent, True), (second.parent, True)]
    assert saved == usual
    told = outcome(await backups.now())
    assert (told["path"], told["also"], told["sealed_keys"]) == (str(place), [str(second)], True)
    assert saved == usual * 2
    told = outcome(await backups.now(tmp_path / "usb"))
    assert (told["path"], told["also"]) == (str(tmp_path / "usb" / "hub.db.bak"), [])
    assert saved == [*usual * 2, (tmp_path / "usb", False)]
    await backups.stop()
    await store.close()


async def test_a_disk_that_is_not_mounted_is_told_until_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await log_of(tmp_path / "hub.db", 1)
    place, second = tmp_path / "kept" / "hub.db.bak", tmp_path / "disk" / "own" / "hub.db.bak"
    turn = asyncio.Event()

    async def sleep(secs: float) -> None:
        await turn.wait()
        turn.clear()

    backups = Backups(store, place, BackupSettings(every_hours=1.0), Runtime(sleep=sleep), second=second)
    backups.begin()
    async with asyncio.timeout(LIMIT_SECS):
        while backups.told()["state"] != "failed":  # noqa: ASYNC110 - it is only asked
            await asyncio.sleep(0.005)
    assert f"there is no folder {tmp_path / 'disk'}: is its disk mounted?" in backups.told()["problem"]
    assert [one.levelname for one in caplog.records if "is its disk mounted" in one.message] == ["WARNING"]
    assert not (tmp_path / "disk").exists()
    assert records_in(place) == 1
    with pytest.raises(SetupError, match=r"is its disk mounted\? \(a whole backup was taken: .*kept"):
        await backups.now()  # one that is good at the first place does not hide the other
    assert backups.told()["state"] == "failed"
    (tmp_path / "disk").mkdir()
    await backups.now()  # the way out that `spl doctor` names
    assert (backups.told()["state"], backups.told()["problem"], records_in(second)) == ("ok", "", 1)
    await store.append([Record("th_a", "did:a", "DO", {"n": 2})])
    turn.set()
    async with asyncio.timeout(LIMIT_SECS):
        while (  # noqa: ASYNC110 - it is only asked
            (backups.told()["path"], backups.told()["records"]) != (str(second), 2)
            or backups.told()["state"] == "running"
        ):
            await asyncio.sleep(0.005)
    assert (backups.told()["state"], backups.told()["problem"], records_in(second)) == ("ok", "", 2)
    await backups.stop()
    await store.close()


async def test_a_backup_is_not_taken_into_a_folder_that_it_saves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, data = await log_of(tmp_path / "hub.db", 1), tmp_path / "data"
    (data / "disk").mkdir(parents=True)
    (tmp_path / "link").symlink_to(data)
    place, second = tmp_path / "kept" / "hub.db.bak", data / "disk" / "own" / "hub.db.bak"
    backups = Backups(store, place, second=second, archived=[data])
    backups.begin()
    told = await ended(backups)
    assert (told["state"], records_in(place)) == ("failed", 1)
    assert f"{second.parent} is inside {data}, which each backup saves" in told["problem"]
    assert [one.levelname for one in caplog.records if "is inside" in one.message] == ["WARNING"]
    for folder in (data, data / "deep", tmp_path / "link" / "x"):
        with pytest.raises(SetupError, match="it would save itself"):
            await backups.now(folder)
    assert [one.name for one in data.rglob("*")] == ["disk"]
    await backups.stop()
    await store.close()


@pytest.mark.parametrize("error", [OSError("no room"), SetupError("no room"), ValueError("no room")])
async def test_half_a_backup_is_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    store = await log_of(tmp_path / "hub.db", 1)

    def beside(*_: Any) -> bool:
        raise error

    backups = Backups(store, tmp_path / "kept" / "hub.db.bak", beside=beside)
    backups.begin()
    told = await ended(backups)
    assert (told["state"], told["records"]) == ("failed", 1)
    assert told["problem"].endswith("but not all that belongs beside it: no room")
    assert ("WARNING", True) in [(one.levelname, "half a backup" in one.message) for one in caplog.records]
    assert ("the backup failed" in caplog.text) is isinstance(error, ValueError)
    assert store.lineage is not None
    assert [one.sequence for one in store.lineage.points if one.backup] == [1]
    with pytest.raises(SetupError, match="the log was copied to"):
        await backups.now(tmp_path / "usb")
    await backups.stop()
    await store.close()
