"""Copies of whole logs, from a file into a database and back: the same records, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.errors import Conflict, NotFound, StoreError
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended, Entry, Judged, RecordStore
from syncropel.store.copying import copying
from syncropel.store.copying import file as file_copying
from syncropel.store.copying.copying import copy
from syncropel.store.copying.database import DatabaseToCopy
from syncropel.store.copying.file import FileToCopy
from syncropel.store.lineage.digest import digest_of
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.store import PostgresStore
from syncropel.store.sqlite.store import SqliteStore
from tests.postgres_server import Server

from .conftest import TickingClock

Build = Callable[..., Record]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a log of a few records has several parts."""
    monkeypatch.setattr(file_copying, "_FROM", "FROM records WHERE sequence > ? ORDER BY sequence LIMIT 2")
    assert copying.CHUNK > 2


@pytest.fixture
async def file(tmp_path: Path, clock: TickingClock, record: Build) -> Path:
    """A log with everything that a copy must keep."""
    path = tmp_path / "hub.db"
    store = await SqliteStore.open(path, clock=clock)
    await store.append([record(0), record(1, actor="did:\\b", judged_by="c" * 64)], judged=Judged(1, 0))
    await store.append([record(2, thread=FLEET_CONTROL, act="LEARN")], judged=Judged(2, 0))
    odd = {"n": 3, "topic": "a\0\\0", "text": "\0 é😀 \u2028"}
    await store.append([record(body=odd, parents=("a" * 64,))], judged=Judged(2, 3))
    old = record(4, clock=70, thread="th_old").identified()
    await store.restore([(old, 12.25)], lambda _: True, lambda _: None)
    await store.acknowledge(["x", "y\\"])
    await store.close()
    return path


async def entries(store: RecordStore) -> list[Entry]:
    found = [one async for chunk in store.entries() for one in chunk]
    assert await store.acknowledged(["x", "y\\", "z"]) == {"x", "y\\"}
    await store.close()
    return found


async def test_a_log_goes_into_a_database_and_back(
    file: Path, postgres_url: str, clock: TickingClock, record: Build, tmp_path: Path
) -> None:
    before = await entries(await SqliteStore.open(file, clock=clock))
    database, back = DatabaseToCopy(read_address(postgres_url)), FileToCopy(tmp_path / "back.db")
    heard: list[tuple[str, int, int]] = []
    there = copy(FileToCopy(file), database, lambda *told: heard.append(told))
    assert dict(told[:2] for told in heard) == {"writing": 5, "reading back": 5}
    assert {told[2] for told in heard} == {5}
    assert (there.records, there.ruled, there.term) == (5, 3, 2)
    assert there.digest == digest_of(one.stored.record.id for one in before)
    heard.clear()
    assert copy(database, back, lambda *told: heard.append(told)) == there
    assert heard[-1] == ("reading back", 5, 5)
    store = await PostgresStore.open(read_address(postgres_url), clock=clock)
    assert store.count == 5
    assert await entries(store) == before
    assert await entries(await SqliteStore.open(tmp_path / "back.db", clock=clock)) == before
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(tmp_path / "back.db")) as other:
        rows = "SELECT * FROM records ORDER BY sequence"
        assert one.execute(rows).fetchall() == other.execute(rows).fetchall()


async def test_a_log_that_was_copied_goes_on(
    file: Path, postgres_url: str, clock: TickingClock, record: Build
) -> None:
    copy(FileToCopy(file), DatabaseToCopy(read_address(postgres_url)))
    store = await PostgresStore.open(read_address(postgres_url), clock=clock)
    [appended] = await store.append([record(9)], judged=Judged(2, 3))
    assert isinstance(appended, Appended)
    assert (appended.stored.sequence, appended.stored.record.clock) == (6, 3)
    await store.close()


async def test_an_empty_log_is_a_log(tmp_path: Path, postgres_url: str, clock: TickingClock) -> None:
    path = tmp_path / "empty.db"
    await (await SqliteStore.open(path, clock=clock)).close()
    copied = copy(FileToCopy(path), DatabaseToCopy(read_address(postgres_url)))
    assert (copied.records, copied.digest) == (0, "")


async def test_only_an_empty_place_is_copied_to(
    file: Path, postgres_url: str, clock: TickingClock, record: Build, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="there is a file"):
        copy(FileToCopy(file), FileToCopy(file))
    store = await PostgresStore.open(read_address(postgres_url), clock=clock)
    await store.append([record()])
    database = DatabaseToCopy(read_address(postgres_url))
    for source, target in ((FileToCopy(file), database), (database, FileToCopy(tmp_path / "new.db"))):
        with pytest.raises(Conflict, match=r"a daemon has .* open"):
            copy(source, target)
    await store.close()
    with pytest.raises(Conflict, match="has 1 records already"):
        copy(FileToCopy(file), database)
    with pytest.raises(NotFound):
        copy(FileToCopy(tmp_path / "nowhere.db"), database)
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE records SET body = '{\"n\":8}' WHERE sequence = 4", "record 4 in .* was altered"),
        ("DELETE FROM records WHERE sequence = 2", "record 2 is missing"),
    ],
)
async def test_a_log_that_is_not_sound_is_not_copied(
    file: Path, postgres_url: str, postgres_server: Server, tmp_path: Path, change: str, words: str
) -> None:
    with closing(sqlite3.connect(file)) as log, log:
        log.execute(change)
    for target in (DatabaseToCopy(read_address(postgres_url)), FileToCopy(tmp_path / "new.db")):
        with pytest.raises(StoreError, match=words):
            copy(FileToCopy(file), target)
    assert postgres_server.execute("SELECT count(*) FROM syncropel.records") == [(0,)]
    assert [one.name for one in tmp_path.iterdir() if "new" in one.name] == []


async def test_a_copy_that_differs_is_not_kept(
    file: Path, postgres_url: str, postgres_server: Server, clock: TickingClock
) -> None:
    """A trigger of somebody's changes what is written."""
    await (await PostgresStore.open(read_address(postgres_url), clock=clock)).close()
    postgres_server.execute(
        "CREATE FUNCTION syncropel.meddle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.body := '{}'; RETURN NEW; END $$"
    )
    postgres_server.execute(
        "CREATE TRIGGER meddle BEFORE INSERT ON syncropel.records"
        " FOR EACH ROW EXECUTE FUNCTION syncropel.meddle()"
    )
    with pytest.raises(StoreError, match="was altered"):
        copy(FileToCopy(file), DatabaseToCopy(read_address(postgres_url)))
    assert postgres_server.execute("SELECT count(*) FROM syncropel.records") == [(0,)]
