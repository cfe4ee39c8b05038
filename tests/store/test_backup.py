"""The startup backup restores, and never gives a good copy away for a worse one."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.record.model import Record
from syncropel.store.base import RecordFilter
from syncropel.store.sqlite.backup import backup, backup_path
from syncropel.store.sqlite.store import SqliteStore

from .conftest import TickingClock

Build = Callable[..., Record]


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return backup_path(tmp_path / "data", "instance-abc")


async def write(path: Path, *records: Record) -> None:
    """Open the store at `path`, append, close."""
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append(records)
    await store.close()


async def read(path: Path, tmp_path: Path) -> list[int]:
    """The `n` of every record in a backup, restored the way a person does: copied to a home and opened."""
    home = tmp_path / "restored"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    shutil.copy(path, home / "hub.db")
    store = await SqliteStore.open(home / "hub.db", clock=lambda: 0.0)
    found = [stored.record.body["n"] for stored in await store.query(RecordFilter())]
    await store.close()
    return found


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def damage(path: Path) -> None:
    """Overwrite the rows in the middle of the file, as a failing disk would; its first pages stay whole."""
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 5 * 4096] = b"\xff" * (2 * 4096)
    path.write_bytes(content)


def test_backups_live_outside_the_home(tmp_path: Path) -> None:
    assert backup_path(tmp_path, "home-12ab") == tmp_path / "backups" / "home-12ab" / "hub.db.bak"


async def test_a_backup_can_be_restored(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0), record(1))
    result = backup(tmp_path / "hub.db", destination)
    assert (result.path, result.records, result.refused, result.kept) == (destination, 2, "", None)
    assert await read(destination, tmp_path) == [0, 1]
    assert files(destination.parent) == {"hub.db.bak"}
    assert destination.stat().st_mode & 0o777 == 0o600


async def test_a_store_in_use_is_copied_with_its_last_commit(
    tmp_path: Path, destination: Path, record: Build, clock: TickingClock
) -> None:
    store = await SqliteStore.open(tmp_path / "hub.db", clock=clock)
    await store.append([record(0)])
    result = await asyncio.to_thread(backup, tmp_path / "hub.db", destination)
    await store.append([record(1)])
    await store.close()
    assert (result.records, result.refused) == (1, "")
    assert await read(destination, tmp_path) == [0]


async def test_what_a_killed_daemon_left_in_its_log_is_copied(
    tmp_path: Path, destination: Path, record: Build, clock: TickingClock
) -> None:
    store = await SqliteStore.open(tmp_path / "hub.db", clock=clock)
    await store.append([record(0)])
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("hub.db", "hub.db-wal"):
        shutil.copy(tmp_path / name, killed / name)
    await store.close()
    assert backup(killed / "hub.db", destination).refused == ""
    assert await read(destination, tmp_path) == [0]


async def test_a_grown_store_takes_the_place_of_its_backup(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    await write(tmp_path / "hub.db", record(0))
    backup(tmp_path / "hub.db", destination)
    await write(tmp_path / "hub.db", record(1))
    assert backup(tmp_path / "hub.db", destination).kept is None
    assert await read(destination, tmp_path) == [0, 1]
    assert files(destination.parent) == {"hub.db.bak"}


async def test_an_unchanged_store_is_not_copied(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0))
    backup(tmp_path / "hub.db", destination)
    before = destination.stat()
    result = backup(tmp_path / "hub.db", destination)
    assert (result.records, result.refused) == (1, "")
    assert destination.stat().st_ino == before.st_ino


async def test_an_empty_store_does_not_replace_a_good_backup(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    await write(tmp_path / "hub.db", record(0))
    backup(tmp_path / "hub.db", destination)
    (tmp_path / "hub.db").unlink()
    await write(tmp_path / "hub.db")
    result = backup(tmp_path / "hub.db", destination)
    assert "holds no record" in result.refused
    assert result.records == 1
    assert await read(destination, tmp_path) == [0]


async def test_a_store_that_began_anew_sends_the_backup_aside(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    """The trap: a wiped home writes a record or two at its next start, so that it is not empty any more."""
    for lost in range(2):
        await write(tmp_path / "hub.db", *(record(lost * 10 + n) for n in range(3)))
        backup(tmp_path / "hub.db", destination)
        (tmp_path / "hub.db").unlink()
    await write(tmp_path / "hub.db", *(record(90 + n) for n in range(5)))
    result = backup(tmp_path / "hub.db", destination)
    assert result.kept == destination.with_name("hub.db.bak.2")
    assert await read(destination, tmp_path) == [90, 91, 92, 93, 94]
    assert await read(result.kept, tmp_path) == [10, 11, 12]
    assert await read(destination.with_name("hub.db.bak.1"), tmp_path) == [0, 1, 2]


async def test_a_store_that_was_set_back_sends_the_backup_aside(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    await write(tmp_path / "hub.db", record(0))
    shutil.copy(tmp_path / "hub.db", tmp_path / "older.db")
    await write(tmp_path / "hub.db", record(1))
    backup(tmp_path / "hub.db", destination)
    result = backup(tmp_path / "older.db", destination)
    assert result.kept is not None
    assert await read(result.kept, tmp_path) == [0, 1]
    assert await read(destination, tmp_path) == [0]


async def test_a_damaged_store_does_not_replace_a_good_backup(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    path = tmp_path / "hub.db"
    await write(path, record(0))
    backup(path, destination)
    await write(path, *(record(n) for n in range(1, 100)))
    damage(path)
    result = backup(path, destination)
    assert "damaged" in result.refused
    assert str(path) in result.refused
    assert result.records == 1
    assert await read(destination, tmp_path) == [0]
    assert files(destination.parent) == {"hub.db.bak"}


@pytest.mark.parametrize("content", [b"", b"junk" * 2000])
async def test_what_is_no_store_is_not_copied(
    tmp_path: Path, destination: Path, record: Build, content: bytes
) -> None:
    await write(tmp_path / "good.db", record(0))
    backup(tmp_path / "good.db", destination)
    (tmp_path / "hub.db").write_bytes(content)
    result = backup(tmp_path / "hub.db", destination)
    assert result.refused
    assert result.records == 1
    assert await read(destination, tmp_path) == [0]


async def test_a_damaged_backup_is_sent_aside(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0))
    destination.parent.mkdir(parents=True)
    destination.write_bytes(b"junk" * 2000)
    result = backup(tmp_path / "hub.db", destination)
    assert result.kept is not None
    assert result.kept.read_bytes() == b"junk" * 2000
    assert await read(destination, tmp_path) == [0]


def test_no_store_is_told_and_not_made(tmp_path: Path, destination: Path) -> None:
    result = backup(tmp_path / "hub.db", destination)
    assert "there is no store" in result.refused
    assert result.records == 0
    assert not (tmp_path / "hub.db").exists()


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0))
    (tmp_path / "file").write_text("in the way")
    result = backup(tmp_path / "hub.db", tmp_path / "file" / "hub.db.bak")
    assert "file" in result.refused


async def test_a_draft_left_by_a_crash_is_replaced(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0))
    destination.parent.mkdir(parents=True)
    (destination.parent / ".hub.db.bak.tmp").write_bytes(b"half a copy")
    assert backup(tmp_path / "hub.db", destination).refused == ""
    assert files(destination.parent) == {"hub.db.bak"}


async def test_a_backup_is_one_file_in_itself(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0))
    backup(tmp_path / "hub.db", destination)
    with closing(sqlite3.connect(destination)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
