"""Which files are opened as a store, which are refused and left as they were, and in which words."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from syncropel.errors import StoreCorrupt, StoreError, StoreTooNew
from syncropel.record.model import Record
from syncropel.store.sqlite.schema import SCHEMA_VERSION
from syncropel.store.sqlite.store import SqliteStore

from .conftest import TickingClock

Build = Callable[..., Record]
NOBODY = 65534


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as another program would change it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


async def test_one_process_at_a_time(sqlite_store: SqliteStore, clock: TickingClock) -> None:
    with pytest.raises(StoreError, match=rf"another process \(pid {os.getpid()}\)"):
        await SqliteStore.open(sqlite_store.path, clock=clock)
    await sqlite_store.close()
    again = await SqliteStore.open(sqlite_store.path, clock=clock)
    await again.close()


async def test_a_store_of_a_later_version_is_left_alone(
    sqlite_store: SqliteStore, clock: TickingClock, record: Build
) -> None:
    await sqlite_store.append([record()])
    await sqlite_store.close()
    with changing(sqlite_store.path) as file:
        file.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (str(SCHEMA_VERSION + 1),))
    with pytest.raises(StoreTooNew, match=f"schema version {SCHEMA_VERSION + 1}") as refusal:
        await SqliteStore.open(sqlite_store.path, clock=clock)
    assert "upgrade" in refusal.value.hint
    with changing(sqlite_store.path) as file:
        assert file.execute("SELECT count(*) FROM records").fetchone() == (1,)


async def test_the_version_is_kept_in_the_file(sqlite_store: SqliteStore) -> None:
    with changing(sqlite_store.path) as file:
        [version] = file.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
        assert version == str(SCHEMA_VERSION)
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_a_file_that_is_no_database_is_left_alone(
    tmp_path: Path, clock: TickingClock, content: bytes
) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="damaged") as refusal:
        await SqliteStore.open(path, clock=clock)
    assert "aside" in refusal.value.hint
    assert "backup" in refusal.value.hint
    assert path.read_bytes() == content


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path, clock: TickingClock) -> None:
    path = tmp_path / "hub.db"
    with changing(path) as file:
        file.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="another program"):
        await SqliteStore.open(path, clock=clock)
    assert path.read_bytes() == before


async def read_all(path: Path, clock: TickingClock) -> None:
    store = await SqliteStore.open(path, clock=clock)
    try:
        async for _ in store.scan():
            pass
    finally:
        await store.close()


async def test_damage_found_while_reading_is_told(
    sqlite_store: SqliteStore, clock: TickingClock, record: Build
) -> None:
    path = sqlite_store.path
    await sqlite_store.append([record(n, body={"x": "x" * 2000}) for n in range(50)])
    await sqlite_store.close()
    content = bytearray(path.read_bytes())
    content[8 * 4096 :] = b"\xff" * (len(content) - 8 * 4096)
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="damaged"):
        await read_all(path, clock)


async def test_a_missing_folder_is_named(tmp_path: Path, clock: TickingClock) -> None:
    with pytest.raises(StoreError, match="nowhere") as refusal:
        await SqliteStore.open(tmp_path / "nowhere" / "hub.db", clock=clock)
    assert "nowhere" in refusal.value.hint


async def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path, clock: TickingClock) -> None:
    (tmp_path / "hub.db").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        await SqliteStore.open(tmp_path / "hub.db", clock=clock)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Be a user who may not write everywhere, also where root runs the tests."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.usefixtures("sqlite_store")  # opened before: what it imports, only root may be able to read
async def test_a_folder_that_is_not_ours_is_named(clock: TickingClock) -> None:
    with ordinary_user(), TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o500)
        with pytest.raises(StoreError, match="cannot write"):
            await SqliteStore.open(folder / "hub.db", clock=clock)
        assert not list(folder.iterdir())


async def test_a_file_that_may_only_be_read_is_refused(
    sqlite_store: SqliteStore, clock: TickingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_store.close()

    def read_only_file(path: Path | str, **options: Any) -> sqlite3.Connection:
        return real(f"{sqlite_store.path.as_uri()}?mode=ro", **{**options, "uri": True})

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", read_only_file)  # what SQLite does by itself for a file of 0400
    with pytest.raises(StoreError, match="cannot write"):
        await SqliteStore.open(sqlite_store.path, clock=clock)


async def test_a_refused_store_can_be_opened_once_mended(tmp_path: Path, clock: TickingClock) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"junk" * 1000)
    with pytest.raises(StoreCorrupt):
        await SqliteStore.open(path, clock=clock)
    path.unlink()
    mended = await SqliteStore.open(path, clock=clock)
    await mended.close()


async def test_only_the_owner_may_read_the_file(sqlite_store: SqliteStore, record: Build) -> None:
    await sqlite_store.append([record()])
    for file in sqlite_store.path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
