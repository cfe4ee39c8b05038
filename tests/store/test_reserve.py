"""A disk that is full takes the next freeze all the same, and nothing else."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended
from syncropel.store.sqlite import commit as committing
from syncropel.store.sqlite import writer as writing
from syncropel.store.sqlite.reserve import PARTS, SIZE_BYTES, Reserve
from syncropel.store.sqlite.store import SqliteStore

FREEZE = Record(FLEET_CONTROL, "did:a", "LEARN", {"topic": "freeze", "namespace": "docs"})
OTHER = Record("th_1", "did:a", "KNOW", {})


class Disk:
    """Takes a commit when at most so much of the reserve is held."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.limit: float = float("inf")
        self.refused = 0
        self.code = sqlite3.SQLITE_FULL

    def commit(self, *args: object) -> object:
        if self.path.stat().st_size > self.limit:
            self.refused += 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = self.code
            raise error
        return committing.commit(*args)  # type: ignore[arg-type]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(tmp_path / "reserve")
    monkeypatch.setattr(writing, "commit", disk.commit)
    return disk


async def opened(disk: Disk) -> SqliteStore:
    return await SqliteStore.open(
        disk.path.with_name("hub.db"), clock=lambda: 1.0, reserve=Reserve(disk.path)
    )


async def test_a_freeze_has_room_on_a_full_disk(disk: Disk) -> None:
    store = await opened(disk)
    assert disk.path.stat().st_size == SIZE_BYTES
    assert disk.path.stat().st_mode & 0o777 == 0o600
    disk.limit = SIZE_BYTES - SIZE_BYTES // PARTS
    with pytest.raises(StoreError, match="no room left"):
        await store.append([OTHER])
    assert disk.path.stat().st_size == SIZE_BYTES
    [outcome] = await store.append([FREEZE])
    assert isinstance(outcome, Appended)
    assert outcome.created
    assert disk.path.stat().st_size == disk.limit
    await store.checkpoint()
    assert disk.path.stat().st_size == SIZE_BYTES
    await store.close()


async def test_what_others_take_first_is_given_again(disk: Disk) -> None:
    store = await opened(disk)
    disk.limit = 0
    assert isinstance((await store.append([FREEZE]))[0], Appended)
    assert disk.refused == PARTS
    disk.limit = -1
    with pytest.raises(StoreError, match="no room left"):
        await store.append([Record(FLEET_CONTROL, "did:a", "LEARN", {"n": 2})])
    disk.limit = 0
    await store.close()


async def test_another_error_takes_nothing_of_it(disk: Disk) -> None:
    store = await opened(disk)
    disk.limit, disk.code = 0, sqlite3.SQLITE_BUSY
    with pytest.raises(StoreError, match="locked"):
        await store.append([FREEZE])
    assert disk.path.stat().st_size == SIZE_BYTES
    await store.close()


async def test_without_one_a_full_disk_is_told(disk: Disk) -> None:
    disk.path.touch()
    store = await SqliteStore.open(disk.path.with_name("hub.db"), clock=lambda: 1.0)
    disk.limit = -1
    with pytest.raises(StoreError, match="no room left"):
        await store.append([FREEZE])
    await store.close()


@pytest.mark.parametrize(("free", "filled"), [(15, 0), (16, 4)])
def test_it_is_filled_where_there_is_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, filled: int
) -> None:
    class Space:
        f_bavail, f_frsize = free, 1

    monkeypatch.setattr("os.statvfs", lambda _: Space)
    reserve = Reserve(tmp_path / "reserve", 4)
    reserve.fill()
    assert (sum(one.stat().st_size for one in tmp_path.iterdir())) == filled


def test_no_link_is_followed_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    (tmp_path / "reserve").symlink_to(tmp_path / "other")
    reserve = Reserve(tmp_path / "reserve", 64)
    reserve.fill()
    assert (tmp_path / "other").read_text() == "mine"
    missing = Reserve(tmp_path / "none" / "reserve")
    missing.fill()
    assert not missing.give()
