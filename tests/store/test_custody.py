"""What follows a commit: the files are looked at, the lineage hears of it, the log is moved on in time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.refusals import StoreReplaced
from syncropel.store.sqlite import custody as custodies
from syncropel.store.sqlite.custody import Custody

FRAME = 4096 + 24


class Watch:
    """The watch over files of the test's own."""

    def __init__(self, path: Path) -> None:
        self.wal_bytes = 0
        self.checks = 0
        self.error: Exception | None = None
        self.after: Exception | None = None
        """What is found just after a checkpoint."""
        self.closed = 0
        self.wrote: list[bool] = []
        """Whether something had been written, at each check."""

    def check(self, *, wrote: bool = False) -> None:
        self.checks += 1
        self.wrote.append(wrote)
        if self.error is not None:
            raise self.error

    def checkpointed(self) -> tuple[int, int]:
        if self.after is not None:
            raise self.after
        return (4096, 7)

    def close(self) -> None:
        self.closed += 1


class Log:
    """A connection that says how many pages a checkpoint found, and how many it moved."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.total_changes = 7
        self.pages, self.moved = 10, 10

    def execute(self, statement: str) -> Any:
        self.statements.append(statement)
        return self

    def fetchone(self) -> tuple[int, int, int]:
        return (0, self.pages, self.moved)

    @property
    def checkpoints(self) -> list[str]:
        return [one for one in self.statements if "wal_checkpoint" in one]


class Keeper:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def took(self, ids: Any, at: float) -> None:
        self.heard.append((list(ids), at))

    def checkpointed(self, main: tuple[int, int], *, whole: bool) -> None:
        self.heard.append((main, whole))


class Bench:
    def __init__(self, keeper: Keeper | None) -> None:
        self.log = Log()
        self.sqlite = cast(sqlite3.Connection, self.log)
        self.heard = keeper.heard if keeper is not None else []
        self.custody = Custody(Path("/nowhere"), self.sqlite, cast(LineageKeeper, keeper))
        self.watch = cast(Watch, self.custody._watch)


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custodies, "FileWatch", Watch)
    monkeypatch.setattr(custodies, "CHECKPOINT_PAGES", 40)


@pytest.fixture
def bench() -> Bench:
    return Bench(Keeper())


def replaced() -> StoreReplaced:
    return StoreReplaced("gone", "")


def test_only_the_custody_checkpoints(bench: Bench) -> None:
    assert bench.log.statements == ["PRAGMA wal_autocheckpoint = 0"]


def test_a_commit_that_changes_nothing_has_written_nothing(bench: Bench) -> None:
    for changes in (0, 1, 0, 2):
        bench.custody.begins(bench.sqlite)
        bench.log.total_changes += changes
        bench.custody.committed(bench.sqlite, [], 5.0)
    bench.log.total_changes += 1  # and is taken back
    bench.custody.look()
    bench.custody.begins(bench.sqlite)
    bench.custody.committed(bench.sqlite, [], 5.0)
    assert bench.watch.wrote == [False, True, False, True, False, False]


def test_a_commit_is_told_to_the_lineage_after_a_look(bench: Bench) -> None:
    bench.custody.committed(bench.sqlite, ["a", "b"], 5.0)
    assert (bench.heard, bench.watch.checks) == ([(["a", "b"], 5.0)], 1)
    bench.watch.error = replaced()
    with pytest.raises(StoreReplaced) as first:
        bench.custody.committed(bench.sqlite, ["c"], 6.0)
    assert len(bench.heard) == 1
    bench.watch.error = None  # also when the file has come back
    with pytest.raises(StoreReplaced) as again:
        bench.custody.look()
    assert again.value is first.value is bench.custody.replaced
    assert bench.watch.checks == 2
    with pytest.raises(StoreReplaced):
        bench.custody.checkpoint(bench.sqlite, "TRUNCATE")
    assert bench.log.checkpoints == []


def test_a_log_without_a_lineage_is_looked_after_too() -> None:
    bench = Bench(None)
    for _ in range(11):
        bench.custody.committed(bench.sqlite, ["a"], 5.0)
    assert len(bench.log.checkpoints) == 1


def test_another_error_of_the_watch_is_no_replacement(bench: Bench) -> None:
    bench.watch.error = PermissionError("no")
    with pytest.raises(PermissionError):
        bench.custody.look()
    assert bench.custody.replaced is None


def checkpoint_after(bench: Bench, *, ids: int, most: int = 1000, frames: int = 0) -> int:
    """After how many commits of so many records the log is moved; each makes the file grow by `frames`."""
    before = len(bench.log.checkpoints)
    for number in range(1, most):
        bench.watch.wal_bytes += frames * FRAME
        bench.custody.committed(bench.sqlite, ["a"] * ids, 5.0)
        if len(bench.log.checkpoints) > before:
            return number
    return most


def test_the_log_is_moved_when_enough_pages_were_written(bench: Bench) -> None:
    assert checkpoint_after(bench, ids=1) == 10  # 1 page, and 3 a record: 4 a commit of 1
    assert bench.log.checkpoints == ["PRAGMA wal_checkpoint(PASSIVE)"]
    assert bench.heard[-1] == ((4096, 7), True)


def test_many_records_are_many_pages(bench: Bench) -> None:
    assert checkpoint_after(bench, ids=13) == 1
    assert checkpoint_after(Bench(Keeper()), ids=12) == 2
    assert checkpoint_after(Bench(Keeper()), ids=0) == 40


def test_large_records_are_seen_by_the_growth_of_the_file(bench: Bench) -> None:
    assert checkpoint_after(bench, ids=0, frames=20) == 2
    assert checkpoint_after(bench, ids=0, frames=20) == 2  # it counts from what is known, not from zero
    assert checkpoint_after(bench, ids=0, frames=0) > 2


def test_a_page_has_a_header_in_the_log(bench: Bench) -> None:
    bench.watch.wal_bytes = 40 * FRAME - 1
    bench.custody.committed(bench.sqlite, [], 5.0)
    assert bench.log.checkpoints == []
    assert (custodies._FRAME_BYTES, FRAME) == (4120, 4120)


def test_it_learns_how_many_pages_a_record_takes(bench: Bench) -> None:
    bench.log.pages = bench.log.moved = 20  # half of the 40 that were guessed
    assert checkpoint_after(bench, ids=1) == 10
    bench.log.pages = bench.log.moved = 32  # four fifths of what is guessed by now
    assert checkpoint_after(bench, ids=1) == 20
    assert checkpoint_after(bench, ids=1) == 25
    bench.log.pages = bench.log.moved = 1
    checkpoint_after(bench, ids=1)
    assert checkpoint_after(bench, ids=1) in (50, 51)  # never less than a fifth, which floats round
    bench.log.pages = bench.log.moved = 4000
    checkpoint_after(bench, ids=1)
    assert checkpoint_after(bench, ids=1) == 10  # nor more than was guessed


def test_nothing_is_learned_of_no_pages_or_an_early_checkpoint(bench: Bench) -> None:
    bench.log.pages = bench.log.moved = 0
    assert checkpoint_after(bench, ids=1) == 10
    assert checkpoint_after(bench, ids=1) == 10
    bench.log.pages = bench.log.moved = 1
    bench.custody.committed(bench.sqlite, ["a"], 5.0)
    bench.custody.checkpoint(bench.sqlite, "TRUNCATE")
    assert bench.log.checkpoints[-1] == "PRAGMA wal_checkpoint(TRUNCATE)"
    assert checkpoint_after(bench, ids=1) == 10


def test_a_reader_in_the_way_leaves_the_file_incomplete(bench: Bench) -> None:
    bench.log.moved = 9
    bench.custody.checkpoint(bench.sqlite, "PASSIVE")
    assert bench.heard == [((4096, 7), False)]


@pytest.mark.parametrize("error", [replaced(), FileNotFoundError("hub.db")])
def test_a_file_that_goes_during_a_checkpoint_is_seen(bench: Bench, error: Exception) -> None:
    bench.watch.after = error
    with pytest.raises(type(error)):  # the look saw nothing: what was found is passed on
        bench.custody.checkpoint(bench.sqlite, "PASSIVE")
    assert bench.custody.replaced is None
    seen = replaced()

    def gone() -> tuple[int, int]:
        bench.watch.error = seen
        raise error

    bench.watch.checkpointed = gone  # type: ignore[method-assign]
    with pytest.raises(StoreReplaced) as caught:
        bench.custody.checkpoint(bench.sqlite, "PASSIVE")
    assert caught.value is bench.custody.replaced is seen
    assert bench.heard == []


def test_its_end_lets_go_of_the_files(bench: Bench) -> None:
    bench.custody.close()
    assert bench.watch.closed == 1


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as one:
        yield one


def test_spared_files_keep_their_connection(connection: sqlite3.Connection) -> None:
    import ctypes
    import sys

    before = sys.getrefcount(connection)
    custodies.spare_the_files(cast(Any, connection))
    assert sys.getrefcount(connection) == before + 1
    ctypes.pythonapi.Py_DecRef(ctypes.py_object(connection))  # here it may go
