"""A log that an earlier release wrote, and what an earlier release says to one of this."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.errors import StoreTooNew
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Judged
from syncropel.store.refusals import Moved
from syncropel.store.sqlite import schema
from syncropel.store.sqlite.backup import backup
from syncropel.store.sqlite.connection import read_only
from syncropel.store.sqlite.store import SqliteStore

from .conftest import TickingClock
from .test_judged import noted
from .version_1 import write_version_1

Build = Callable[..., Record]


def version(path: Path) -> str:
    with closing(sqlite3.connect(path)) as log:
        found: str = log.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()[0]
        return found


@pytest.fixture
def old(tmp_path: Path, record: Build) -> Path:
    path = tmp_path / "old.db"
    write_version_1(path, [record(0, clock=0), record(1, clock=0, thread=FLEET_CONTROL), record(2, clock=1)])
    return path


async def test_a_log_of_version_1_goes_on(old: Path, clock: TickingClock, record: Build) -> None:
    with closing(read_only(old)) as log:
        before = log.execute("SELECT * FROM records").fetchall()
    opened = await SqliteStore.open(old, clock=clock)
    try:
        assert await noted(opened) == [(0, None)] * 3
        with pytest.raises(Moved, match="record 2 rules over others"):
            await opened.append([record(3)], judged=Judged(1, 0))
        await opened.append([record(3)], judged=Judged(1, 2))
        assert await noted(opened) == [(0, None), (0, None), (0, None), (1, 2)]
    finally:
        await opened.close()
    assert version(old) == "2"
    with closing(read_only(old)) as log:
        after = log.execute("SELECT * FROM records WHERE sequence <= 3").fetchall()
    assert [row[:12] for row in after] == before
    again = await SqliteStore.open(old, clock=clock)  # and is brought to version 2 once
    await again.close()


async def test_restored_history_in_a_log_of_version_1_is_of_no_lower_term(
    old: Path, clock: TickingClock, record: Build
) -> None:
    opened = await SqliteStore.open(old, clock=clock)
    try:
        history = [(record(9, clock=9, thread="th_b").identified(), 1.0)]
        await opened.restore(history, lambda _: True, lambda _: None)
        assert (await noted(opened))[3:] == [(1, None)]
    finally:
        await opened.close()


async def test_the_release_before_refuses_a_log_of_this_one(
    sqlite_store: SqliteStore, clock: TickingClock, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sqlite_store.append([record()], judged=Judged(1, 0))
    await sqlite_store.close()
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "SCHEMA_VERSION", 1)
        with pytest.raises(StoreTooNew, match="has schema version 2; this version of syncropel knows 1"):
            await SqliteStore.open(sqlite_store.path, clock=clock)
    again = await SqliteStore.open(sqlite_store.path, clock=clock)
    assert again.count == 1
    await again.close()


async def test_a_backup_of_version_1_is_made_and_migrated_where_it_is_put_back(
    old: Path, tmp_path: Path, clock: TickingClock, record: Build
) -> None:
    copy = tmp_path / "copy.bak"
    assert backup(old, copy).records == 3
    assert version(copy) == "1"
    opened = await SqliteStore.open(old, clock=clock)
    await opened.append([record(3)], judged=Judged(1, 2))
    await opened.close()
    assert backup(old, copy).refused == ""
    assert version(copy) == "2"
    write_version_1(tmp_path / "back.db", [record(0, clock=0)])
    back = await SqliteStore.open(tmp_path / "back.db", clock=clock)
    assert (back.count, await noted(back)) == (1, [(0, None)])
    await back.close()


async def test_a_migration_writes_no_record(tmp_path: Path, clock: TickingClock, record: Build) -> None:
    """However long the log is: what is written does not grow with it."""
    sizes = []
    for count in (10, 2000):
        path = tmp_path / f"{count}.db"
        write_version_1(path, [record(n, clock=n, body={"n": n, "pad": "x" * 500}) for n in range(count)])
        with closing(sqlite3.connect(path)) as log:
            log.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            schema.prepare(log, path)
            wal = path.with_name(path.name + "-wal")
            sizes.append(wal.stat().st_size)
    assert sizes[0] == sizes[1] > 0
