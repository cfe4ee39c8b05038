"""The lineage of a long log that nobody knows: it is read beside all other work, and describes only what is
read."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.store.lineage.digest import RunningDigest, digest_of
from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.lineage.lineage import Lineage, LineageFile, Point, read_lineage
from syncropel.store.lineage.writing import LineageWriter
from syncropel.store.sqlite import following
from syncropel.store.sqlite.following import catch_up, catch_up_beside
from syncropel.store.sqlite.store import SqliteStore
from tests.store.lineages import add, ids, log  # noqa: F401 - a fixture


@pytest.fixture
def keeper(tmp_path: Path) -> LineageKeeper:
    return LineageKeeper(LineageFile(tmp_path / "x.lineage"), Lineage("a"), RunningDigest(), ("", 0.0))


def head(keeper: LineageKeeper) -> tuple[int, str, str, float]:
    known = keeper.lineage.head
    return (known.sequence, known.id, known.digest, known.at)


def expected(count: int) -> tuple[int, str, str, float]:
    return (count, ids(count)[-1], digest_of(ids(count)), float(count))


def test_a_log_within_the_limit_is_read_at_once(keeper: LineageKeeper, log: sqlite3.Connection) -> None:  # noqa: F811
    add(log, 0, 5)
    catch_up(keeper, log, limit=5)
    assert (keeper.behind, head(keeper)) == (False, expected(5))
    keeper.took(["f" * 64], 9.0)
    assert keeper.sequence == 6


def test_of_a_longer_one_the_beginning_is_read(keeper: LineageKeeper, log: sqlite3.Connection) -> None:  # noqa: F811
    add(log, 0, 6)
    catch_up(keeper, log, limit=5)
    assert (keeper.behind, head(keeper)) == (True, expected(5))
    catch_up(keeper, log, limit=5)
    assert (keeper.behind, head(keeper)) == (False, expected(6))


def test_the_rest_is_left_while_it_is_more_than_the_limit(
    keeper: LineageKeeper,
    log: sqlite3.Connection,  # noqa: F811
) -> None:
    add(log, 0, 9)
    catch_up(keeper, log, limit=3)
    catch_up(keeper, log, limit=3)
    assert (keeper.behind, keeper.sequence) == (True, 3)


def test_what_is_appended_meanwhile_is_not_taken_for_the_next_record(
    keeper: LineageKeeper,
    log: sqlite3.Connection,  # noqa: F811
) -> None:
    add(log, 0, 6)
    catch_up(keeper, log, limit=4)
    keeper.took(["f" * 64], 9.0)
    assert head(keeper) == expected(4)


def test_the_beginning_of_a_log_is_no_place_where_its_file_was_whole(
    keeper: LineageKeeper,
    log: sqlite3.Connection,  # noqa: F811
) -> None:
    add(log, 0, 6)
    catch_up(keeper, log, limit=4)
    keeper.checkpointed((7, 8), whole=True)
    assert (keeper.lineage.points, keeper.lineage.main) == ((), (7, 8))
    catch_up(keeper, log, limit=4)
    keeper.checkpointed((7, 8), whole=True)
    assert [one.sequence for one in keeper.lineage.points] == [6]


@pytest.fixture
def files(tmp_path: Path) -> LineageFile:
    return LineageFile(tmp_path / "hub.db.lineage", tmp_path / "backups" / "lineage.json")


async def opened(path: Path, files: LineageFile | None) -> SqliteStore:
    return await SqliteStore.open(path, clock=lambda: 5.0, lineage=files)


@pytest.fixture
async def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log without a lineage, of which little is read at a time."""
    path = tmp_path / "hub.db"
    store = await opened(path, None)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(100)])
    await store.close()
    monkeypatch.setattr(following, "STEP", 7)
    monkeypatch.setattr(catch_up, "__defaults__", (10,))
    return path


def all_ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM records ORDER BY sequence")]


async def test_a_long_log_is_open_before_it_is_read(long: Path, files: LineageFile) -> None:
    store = await opened(long, files)
    assert store.lineage is not None
    assert (store.lineage.head.sequence, store.count) == (10, 100)
    known = read_lineage(files.path)
    assert known is not None
    assert known.head == Point(10, all_ids(long)[9], digest_of(all_ids(long)[:10]), 5.0)
    await store.close()


async def test_it_is_read_to_its_end_while_others_append(
    long: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = 0

    async def add() -> None:
        nonlocal added
        await store.append([Record("th_b", "did:a", "DO", {"n": added})])
        added += 1

    async def beside(writer: LineageWriter, read: Any, between: Any) -> None:
        async def read_after_an_append(job: Any) -> Any:
            await add()
            return await read(job)

        await catch_up_beside(writer, read_after_an_append, between)

    monkeypatch.setattr("syncropel.store.sqlite.store.catch_up_beside", beside)
    store = await opened(long, files)
    try:
        assert store._following is not None
        await asyncio.wait([store._following])
        assert added > 100 // 7, "one for each step, and their own records are read too"
        await add()
        assert store.lineage is not None
        assert store.lineage.head.digest == digest_of(all_ids(long))
        assert store.lineage.head.sequence == 100 + added
    finally:
        await store.close()


async def test_a_stop_in_between_keeps_what_was_read_and_the_next_start_goes_on(
    long: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr("syncropel.store.sqlite.store.catch_up_beside", never)
        store = await opened(long, files)
        await store.append([Record("th_b", "did:a", "DO", {"n": 1})])
        await store.close()
    known = read_lineage(files.path)
    assert known is not None
    assert (known.head.sequence, known.head.digest) == (10, digest_of(all_ids(long)[:10]))

    store = await opened(long, files)
    assert (store.hold, store.told) == (None, [])
    assert store._following is not None
    await asyncio.wait([store._following])
    assert store.lineage is not None
    assert store.lineage.head.digest == digest_of(all_ids(long))
    await store.close()


async def test_what_was_read_is_held_against_the_log(long: Path, files: LineageFile) -> None:
    store = await opened(long, files)
    await store.close()
    with closing(sqlite3.connect(long)) as connection:
        connection.execute("DELETE FROM records WHERE sequence > 8")
        connection.commit()
    store = await opened(long, files)
    assert store.hold is not None
    assert "records are gone" in store.hold.told
    await store.close()


async def test_a_loss_that_is_accepted_begins_a_lineage_that_is_read_later(
    long: Path, files: LineageFile
) -> None:
    store = await opened(long, files)
    await store.close()
    with closing(sqlite3.connect(long)) as connection:
        connection.execute("UPDATE records SET id = ? WHERE sequence = 10", ("e" * 64,))
        connection.commit()
    store = await opened(long, files)
    await store.accept_loss()
    assert store._following is not None
    await asyncio.wait([store._following])
    assert store.lineage is not None
    assert store.lineage.head.digest == digest_of(all_ids(long))
    await store.close()


class Steps:
    """Runs the jobs of a catching up on one connection, and keeps in which order what was done."""

    def __init__(self, keeper: LineageKeeper, connection: sqlite3.Connection) -> None:
        self.keeper = keeper
        self._connection = connection
        self.done: list[str] = []
        self.fails = False

    def soon(self) -> None:
        self.done.append(f"written {self.keeper.sequence}")

    async def read(self, job: Callable[[sqlite3.Connection], Any]) -> Any:
        if self.fails:
            raise StoreError("the disk is gone", "mend it")
        self.done.append("read")
        return job(self._connection)

    async def between(self, job: Callable[[sqlite3.Connection], Any]) -> Any:
        self.done.append("between commits")
        return job(self._connection)

    async def catch_up(self) -> None:
        await catch_up_beside(cast(LineageWriter, self), self.read, self.between)


async def test_only_the_last_step_keeps_commits_waiting_and_each_is_written_down(
    keeper: LineageKeeper,
    log: sqlite3.Connection,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(following, "STEP", 3)
    add(log, 0, 8)
    catch_up(keeper, log, limit=1)
    steps = Steps(keeper, log)
    await steps.catch_up()
    assert steps.done == [
        "read", "written 4", "read", "written 7", "read", "between commits", "written 8",
    ]  # fmt: skip
    assert head(keeper) == expected(8)
    await steps.catch_up()
    assert len(steps.done) == 7, "and then there is nothing more to do"


async def test_a_disk_that_fails_ends_it_with_a_word(
    keeper: LineageKeeper,
    log: sqlite3.Connection,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    add(log, 0, 8)
    catch_up(keeper, log, limit=5)
    steps = Steps(keeper, log)
    steps.fails = True
    await steps.catch_up()
    assert caplog.messages == ["the lineage stays at record 5 of the log: the disk is gone"]
    assert keeper.behind
