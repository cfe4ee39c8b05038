"""The startup backup restores, and never gives a good copy away for a worse one."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncropel import __version__
from syncropel.record.model import Record
from syncropel.store.base import RecordFilter
from syncropel.store.lineage.digest import digest_of
from syncropel.store.lineage.lineage import Point
from syncropel.store.sqlite import backup as backups
from syncropel.store.sqlite.backup import Order, backup, backup_path
from syncropel.store.sqlite.integrity import hash_of
from syncropel.store.sqlite.manifest import Rotation, entries, manifest_path, prune, read_manifest
from syncropel.store.sqlite.rows import COLUMNS
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
    """The files in a folder; a backup and the manifest beside it count as one."""
    names = {file.name for file in folder.iterdir()}
    assert {f"{name}.json" for name in names if not name.endswith(".json")} >= {
        name for name in names if name.endswith(".json")
    }
    return {name for name in names if not name.endswith(".json")}


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


async def test_a_backup_says_what_it_holds(tmp_path: Path, destination: Path, record: Build) -> None:
    await write(tmp_path / "hub.db", record(0), record(1))
    result = backup(tmp_path / "hub.db", destination, order=Order("now", 1_700_000_000.0))
    manifest = read_manifest(destination)
    assert manifest is not None
    with closing(sqlite3.connect(destination)) as log:
        ids = [row[0] for row in log.execute("SELECT id FROM records ORDER BY sequence")]
    assert (manifest.records, manifest.head, manifest.digest) == (2, ids[-1], digest_of(ids))
    assert (manifest.made_at, manifest.kind, manifest.by) == (1_700_000_000.0, "now", __version__)
    assert manifest_path(destination).stat().st_mode & 0o777 == 0o600
    assert result.point == Point(2, ids[-1], manifest.digest, 1_700_000_000.0, str(destination))


async def test_one_altered_record_keeps_the_good_backup(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    path = tmp_path / "hub.db"
    await write(path, *(record(n) for n in range(5)))
    backup(path, destination)
    await write(path, record(5))
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("UPDATE records SET body = '{\"n\":100}' WHERE sequence = 3")
    result = backup(path, destination)
    assert "record 3 (" in result.refused
    assert "was altered" in result.refused
    assert (result.records, result.point) == (5, None)
    assert await read(destination, tmp_path) == [0, 1, 2, 3, 4]
    with closing(sqlite3.connect(path)) as log:
        row = log.execute(f"SELECT {COLUMNS} FROM records WHERE sequence = 3").fetchone()
    accepted = backup(path, destination, order=Order(accepted=[hash_of(row)]))
    assert (accepted.refused, accepted.records) == ("", 6)


async def test_earlier_backups_stay_as_the_rotation_says(
    tmp_path: Path, destination: Path, record: Build
) -> None:
    path, day = tmp_path / "hub.db", 86400.0
    for turn in range(10):
        await write(path, record(turn))
        order = Order("start", 1_700_000_000.0 + turn * day / 2, Rotation(starts=2, days=3))
        assert backup(path, destination, order=order).refused == ""
    kept = [(one.path.name == "hub.db.bak", one.manifest) for one in entries(destination.parent)]
    assert [current for current, _ in kept] == [True, False, False, False]
    records = [manifest.records for _, manifest in kept if manifest is not None]
    assert records[:2] == [10, 9]
    assert len(records) == 4
    assert await read(destination, tmp_path) == [*range(10)]
    for one in entries(destination.parent):
        assert one.manifest is not None
        assert await read(one.path, tmp_path) == [*range(one.manifest.records)]


def test_what_was_kept_aside_is_never_removed(tmp_path: Path) -> None:
    for name in ("hub.db.bak", "hub.db.bak.1", "hub.db.bak.2", "hub.db.20231114T221320.000000Z.bak", "other"):
        (tmp_path / name).touch()
    os.utime(
        tmp_path / "hub.db.bak", (1e9, 1e9)
    )  # as a copy that was put back by hand: the oldest by its time
    assert [one.name for one in prune(tmp_path, Rotation(0, 0), 4e9)] == [
        "hub.db.20231114T221320.000000Z.bak"
    ]
    assert files(tmp_path) == {"hub.db.bak", "hub.db.bak.1", "hub.db.bak.2", "other"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 1, "records": 1}', '{"version": 2}', "{"])
def test_a_manifest_that_is_none_is_told_as_missing(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.db.bak").touch()
    manifest_path(tmp_path / "hub.db.bak").write_text(text)
    (one,) = entries(tmp_path)
    assert (one.manifest, one.aside) == (None, False)


@pytest.mark.parametrize("step", ["link", "replace", "write_manifest", "prune"])
async def test_a_crash_between_two_steps_leaves_a_good_backup(
    tmp_path: Path, destination: Path, record: Build, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The newest name has a whole copy at each moment, and the next backup makes up for it."""
    await write(tmp_path / "hub.db", record(0))
    order = Order("start", 1_700_000_000.0, Rotation())
    backup(tmp_path / "hub.db", destination, order=order)
    await write(tmp_path / "hub.db", record(1))

    class Crash(BaseException):
        pass

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        if step == "link":
            crashing.setattr(os, "link", crash)
        elif step == "replace":
            crashing.setattr(Path, "replace", crash)
        else:
            crashing.setattr(backups, step, crash)
        with pytest.raises(Crash):
            backup(tmp_path / "hub.db", destination, order=order)
    assert await read(destination, tmp_path) in ([0], [0, 1])
    await write(tmp_path / "hub.db", record(2))
    assert backup(tmp_path / "hub.db", destination, order=order).refused == ""
    assert await read(destination, tmp_path) == [0, 1, 2]
    manifest = read_manifest(destination)
    assert manifest is not None
    assert manifest.records == 3
