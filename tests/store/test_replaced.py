"""Files that are removed, replaced, or written over under an open store: no answer says that all is well."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.store.base import Appended, RecordFilter
from syncropel.store.lineage.lineage import LineageFile, read_lineage
from syncropel.store.refusals import StoreReplaced
from syncropel.store.sqlite import custody as custodies
from syncropel.store.sqlite.file_watch import FileWatch
from syncropel.store.sqlite.store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


async def opened(path: Path) -> SqliteStore:
    files = LineageFile(path.with_name("hub.db.lineage"))
    return await SqliteStore.open(path, clock=lambda: 1.0, lineage=files)


def some(*numbers: int) -> list[Record]:
    return [Record("th_a", "did:a", "DO", {"n": n}) for n in numbers]


def beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _another(path: Path) -> Path:
    other = path.with_name("other.db")
    with closing(sqlite3.connect(other)) as log:
        log.execute("CREATE TABLE t (x)")
    return other


def _remove(path: Path) -> None:
    path.unlink()


def _move(path: Path) -> None:
    path.rename(path.with_name("moved.db"))


def _replace(path: Path) -> None:
    _another(path).rename(path)


def _replace_with_itself(path: Path) -> None:
    shutil.copy(path, path.with_name("same.db"))
    path.with_name("same.db").rename(path)


def _write_over(path: Path) -> None:
    shutil.copyfile(path.with_name("older.db"), path)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _remove_wal(path: Path) -> None:
    beside(path, "-wal").unlink()


def _empty_wal(path: Path) -> None:
    os.truncate(beside(path, "-wal"), 0)


def _replace_wal(path: Path) -> None:
    shutil.copy(beside(path, "-wal"), path.with_name("same-wal"))
    path.with_name("same-wal").rename(beside(path, "-wal"))


def _write_over_wal(path: Path) -> None:
    wal = beside(path, "-wal")
    content = bytearray(wal.read_bytes())
    content[16:24] = b"\x00" * 8
    with wal.open("r+b") as file:
        file.write(content)


MISHAPS = [
    _remove,
    _move,
    _replace,
    _replace_with_itself,
    _write_over,
    _empty,
    _remove_wal,
    _empty_wal,
    _replace_wal,
    _write_over_wal,
]


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("checkpointed", [False, True])
async def test_a_write_into_files_that_are_gone_is_refused(
    path: Path, mishap: Callable[[Path], None], checkpointed: bool
) -> None:
    store = await opened(path)
    await store.append(some(1))
    await store.close()
    shutil.copy(path, path.with_name("older.db"))
    store = await opened(path)
    await store.append(some(2, 3))
    if checkpointed:
        await store.checkpoint()
        await store.append(some(4))
    known = store.count
    mishap(path)
    with pytest.raises(StoreReplaced, match=r"hub\.db") as refusal:
        await store.append(some(5))
    assert (refusal.value.status, refusal.value.type) == (503, "store_replaced")
    assert "do not stop the daemon yet: spl backup now" in refusal.value.hint
    assert store.replaced is not None
    for _ in range(2):  # also when the file has come back
        with pytest.raises(StoreReplaced):
            await store.append(some(6))
    with pytest.raises(StoreReplaced):
        await store.checkpoint()
    left = {one.name: one.read_bytes() for one in path.parent.iterdir() if "lineage" not in one.name}
    with pytest.raises(StoreReplaced):
        await store.close()
    # What is at the path now belongs to somebody else: the end of the store changes nothing there.
    for name in ("hub.db", "moved.db", "hub.db-wal"):
        if name in left:
            assert path.with_name(name).read_bytes() == left[name], name
    lineage = read_lineage(path.with_name("hub.db.lineage"))
    assert lineage is not None
    assert lineage.head.sequence == known


async def test_what_is_gone_is_seen_without_a_write(path: Path) -> None:
    store = await opened(path)
    await store.append(some(1))
    path.unlink()
    with pytest.raises(StoreReplaced):
        await store.checkpoint()
    assert [one.record.body["n"] for one in await store.query(RecordFilter())] == [1]
    with pytest.raises(StoreReplaced):
        await store.close()


async def test_a_log_that_only_grows_is_never_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through checkpoints of every kind, with readers in their way, and with large records and small ones."""
    monkeypatch.setattr(custodies, "CHECKPOINT_PAGES", 40)
    store = await opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        for turn in range(60):
            size = 20_000 if turn % 7 == 0 else 10
            await store.append(
                [
                    Record("th_a", "did:a", "DO", {"n": turn, "m": n, "text": "x" * size})
                    for n in range(turn % 9)
                ]
            )
            if turn % 10 == 3:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM records").fetchone()
            if turn % 10 == 8:
                reader.execute("COMMIT")
            if turn % 11 == 0:
                await store.checkpoint()
    assert store.replaced is None
    assert beside(path, "-wal").stat().st_size < 60 * 5 * 20_000
    lineage = store.lineage
    assert lineage is not None
    assert len(lineage.points) > 3
    await store.close()
    store = await opened(path)
    assert (store.hold, store.told) == (None, [])
    await store.close()


@pytest.mark.parametrize(
    "between", ["a duplicate", "a taken clock", "nothing at all", "an acknowledgement", "a failure"]
)
async def test_a_call_that_writes_nothing_after_a_checkpoint_makes_no_later_one_suspicious(
    path: Path, between: str
) -> None:
    """SQLite begins the write-ahead log anew with the first record, not with the first transaction."""
    store = await opened(path)
    [first] = await store.append(some(1))
    assert isinstance(first, Appended)
    for turn in range(2, 6):
        await store.checkpoint()
        for _ in range(2):
            match between:
                case "a duplicate":
                    await store.append([first.stored.record])
                case "a taken clock":
                    await store.append([Record("th_a", "did:a", "DO", {"n": "other"}, clock=0)])
                case "nothing at all":
                    await store.append([])
                case "a failure":
                    with pytest.raises(StoreError):  # it has written a row by then, and takes it back
                        await store.acknowledge([f"new {turn}", cast(str, object())])
                    await store.append([first.stored.record])
                case _:
                    await store.acknowledge([first.stored.record.id])
        await store.append(some(turn))
    assert store.replaced is None
    await store.close()


async def test_the_write_ahead_log_does_not_grow_without_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custodies, "CHECKPOINT_PAGES", 50)
    store = await opened(path)
    sizes = []
    for turn in range(300):
        await store.append(some(turn))
        sizes.append(beside(path, "-wal").stat().st_size)
    assert max(sizes) < 3 * 50 * 4120
    await store.close()


@pytest.fixture
def watched(path: Path) -> Iterator[FileWatch]:
    """Files of which nobody but the test knows anything."""
    path.write_bytes(b"a" * 4096)
    beside(path, "-wal").write_bytes(b"h" * 32 + b"w" * 4096)
    watch = FileWatch(path)
    watch.check(wrote=True)
    yield watch
    watch.close()


def test_a_file_of_the_same_size_and_time_is_another_one(path: Path, watched: FileWatch) -> None:
    found = path.stat()
    other = path.with_name("other")
    other.write_bytes(b"b" * 4096)
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.rename(path)
    with pytest.raises(StoreReplaced, match="is another file now"):
        watched.check()


def test_a_write_ahead_log_that_was_cut_behind_its_header_is_not_ours(path: Path, watched: FileWatch) -> None:
    os.truncate(beside(path, "-wal"), 100)
    with pytest.raises(StoreReplaced, match="was written to"):
        watched.check()


def test_after_a_checkpoint_both_files_may_have_changed(path: Path, watched: FileWatch) -> None:
    path.write_bytes(b"c" * 8192)
    beside(path, "-wal").write_bytes(b"i" * 32)
    found = path.stat()
    assert watched.checkpointed() == (8192, found.st_mtime_ns)
    watched.check(wrote=True)
    assert watched.wal_bytes == 32
    beside(path, "-wal").write_bytes(b"j" * 64)
    with pytest.raises(StoreReplaced):
        watched.check()


def test_after_a_checkpoint_the_write_ahead_log_begins_anew_once_and_whenever_that_is(
    path: Path, watched: FileWatch
) -> None:
    watched.checkpointed()
    for _ in range(3):
        watched.check()
    beside(path, "-wal").write_bytes(b"i" * 4096)
    watched.check(wrote=True)
    watched.check()
    beside(path, "-wal").write_bytes(b"j" * 4096)
    with pytest.raises(StoreReplaced, match="was written to"):
        watched.check()


def test_a_checkpoint_into_another_file_is_seen(path: Path, watched: FileWatch) -> None:
    state = path.stat()
    path.with_name("other").write_bytes(b"b" * 4096)
    path.with_name("other").rename(path)
    with pytest.raises(StoreReplaced, match="is another file now"):
        watched.checkpointed()
    assert path.stat().st_ino != state.st_ino


def test_the_header_of_the_write_ahead_log_is_looked_at_and_no_more(path: Path, watched: FileWatch) -> None:
    with beside(path, "-wal").open("r+b") as file:  # a frame may be written over: SQLite begins there again
        file.seek(32)
        file.write(b"x")
    watched.check()
    with beside(path, "-wal").open("r+b") as file:
        file.seek(31)
        file.write(b"x")
    with pytest.raises(StoreReplaced, match="was written to"):
        watched.check()


def test_a_write_ahead_log_that_comes_later_is_watched_from_then_on(path: Path) -> None:
    path.write_bytes(b"a")
    watch = FileWatch(path)
    watch.check()
    beside(path, "-wal").write_bytes(b"h" * 64)
    watch.check()
    watch.check()
    beside(path, "-wal").unlink()
    with pytest.raises(StoreReplaced, match="is gone"):
        watch.check()
    watch.close()


def test_it_lets_go_of_what_it_opened_once(path: Path, watched: FileWatch) -> None:
    descriptor = watched._wal_descriptor
    assert not os.get_inheritable(descriptor)
    watched.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    again = os.open(path, os.O_RDONLY)
    watched.close()
    os.fstat(again)
    os.close(again)
