"""A log that was swapped, cut, or set back is seen at the start, and takes nothing until someone says so."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.errors import Conflict, StoreCorrupt
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended, RecordFilter, RecordStore
from syncropel.store.lineage.digest import BLOCK, digest_of
from syncropel.store.lineage.lineage import LineageFile, Point, read_lineage
from syncropel.store.refusals import StoreHeld
from syncropel.store.sqlite.store import SqliteStore

FREEZE = Record(FLEET_CONTROL, "did:a", "LEARN", {"topic": "freeze", "namespace": "docs"})


@pytest.fixture
def files(tmp_path: Path) -> LineageFile:
    return LineageFile(tmp_path / "hub.db.lineage", tmp_path / "backups" / "lineage.json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


async def opened(path: Path, files: LineageFile) -> SqliteStore:
    return await SqliteStore.open(path, clock=lambda: 1_700_000_000.0, lineage=files)


async def grow(path: Path, files: LineageFile, *numbers: int) -> None:
    """Open, append, and stop in order."""
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in numbers])
    await store.close()


async def numbers(store: RecordStore) -> list[int]:
    return [one.record.body["n"] for one in await store.query(RecordFilter(limit=10_000))]


def killed(path: Path) -> None:
    """Leave the files as a killed process leaves them: called while the store is open."""
    for suffix in ("", "-wal"):
        shutil.copy2(path.with_name(path.name + suffix), path.with_name(f"killed{suffix}"))


def take_over(path: Path) -> None:
    """Put what `killed` left in place of what a clean stop left."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    for suffix in ("", "-wal"):
        kept = path.with_name(f"killed{suffix}")
        shutil.copy2(kept, path.with_name(path.name + suffix))
        kept.unlink()


async def test_a_log_that_went_on_is_taken(path: Path, files: LineageFile) -> None:
    await grow(path, files, 1, 2)
    first = read_lineage(files.path)
    await grow(path, files, 3)
    store = await opened(path, files)
    assert (store.hold, store.told, await numbers(store)) == (None, [], [1, 2, 3])
    await store.close()
    known = read_lineage(files.path)
    assert first is not None
    assert known is not None
    assert (known.log, known.head.sequence, known.losses) == (first.log, 3, ())
    assert read_lineage(files.copy or path) == known
    assert files.path.stat().st_mode & 0o777 == 0o600


async def test_a_log_of_before_gets_a_lineage(path: Path, files: LineageFile) -> None:
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(BLOCK + 3)])
    await store.close()
    store = await opened(path, files)
    assert (store.hold, store.told) == (None, [])
    assert store.lineage is not None
    assert store.lineage.head.sequence == BLOCK + 3
    await store.close()
    with closing(sqlite3.connect(path)) as log:
        ids = [row[0] for row in log.execute("SELECT id FROM records ORDER BY sequence")]
    known = read_lineage(files.path)
    assert known is not None
    assert (known.head.digest, known.head.id) == (digest_of(ids), ids[-1])


async def test_the_lineage_is_not_ahead_of_the_log_and_follows_by_itself(
    path: Path, files: LineageFile
) -> None:
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": 1})])

    assert store._writer.lineage is not None
    await store._writer.lineage.written()
    known = read_lineage(files.path)
    assert known is not None
    assert known.head.sequence == 1
    await store.close()


async def _removed(path: Path, files: LineageFile) -> None:
    path.unlink()


async def _emptied(path: Path, files: LineageFile) -> None:
    path.write_bytes(b"")


async def _cut(path: Path, files: LineageFile) -> None:
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("DELETE FROM records WHERE sequence > 2")


async def _another(path: Path, files: LineageFile) -> None:
    path.unlink()
    elsewhere = LineageFile(path.with_name("elsewhere.lineage"))
    await grow(path, elsewhere, *range(50, 60))


async def _another_without_a_name(path: Path, files: LineageFile) -> None:
    path.unlink()
    store = await SqliteStore.open(path, clock=lambda: 0.0)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(50, 60)])
    await store.close()


async def _last_swapped(path: Path, files: LineageFile) -> None:
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("UPDATE records SET id = ? WHERE sequence = 5", ("0" * 64,))


async def _inner_swapped(path: Path, files: LineageFile) -> None:
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("UPDATE records SET id = ? WHERE sequence = 3", ("0" * 64,))


async def _all_removed(path: Path, files: LineageFile) -> None:
    for one in path.parent.glob("hub.db*"):
        one.unlink()


MISHAPS = {
    "removed": (_removed, "the log is empty, and 5 records were known"),
    "emptied": (_emptied, "the log is empty, and 5 records were known"),
    "all files removed": (_all_removed, "the log is empty, and 5 records were known"),
    "cut": (_cut, "3 of 5 records are gone, and no copy"),
    "another log": (_another, "this is another log"),
    "a log without a name": (_another_without_a_name, "record 5 of the log is not the one"),
    "last id swapped": (_last_swapped, "record 5 of the log is not the one"),
    "inner id swapped": (_inner_swapped, "record 5 of the log is not the one"),
}


@pytest.mark.parametrize("mishap", MISHAPS)
async def test_what_lost_records_is_held_until_someone_accepts_it(
    path: Path, files: LineageFile, mishap: str
) -> None:
    await grow(path, files, 1, 2, 3, 4, 5)
    before = read_lineage(files.copy or path)
    spoil, words = MISHAPS[mishap]
    await spoil(path, files)
    for start in range(2):  # a restart changes nothing
        words = words if start == 0 else "5 "
        store = await opened(path, files)
        assert store.hold is not None
        assert words in store.hold.told
        assert "spl store accept-loss" in store.hold.hint
        with pytest.raises(StoreHeld, match=words):
            await store.append([Record("th_a", "did:a", "DO", {"n": 99})])
        with pytest.raises(StoreHeld):
            await store.append([FREEZE, Record("th_a", "did:a", "DO", {"n": 99})])
        with pytest.raises(StoreHeld):
            await store.restore(
                [(Record("th_a", "did:a", "DO", {}, 1).identified(), 1.0)], lambda _: True, print
            )
        (outcome,) = await store.append([FREEZE])
        assert isinstance(outcome, Appended)
        await store.close()
        assert read_lineage(files.copy or path) == before
    store = await opened(path, files)
    had = store.count
    hold = await store.accept_loss()
    assert words in hold.told
    assert store.hold is None
    await store.append([Record("th_a", "did:a", "DO", {"n": 99})])
    await store.close()
    store = await opened(path, files)
    assert (store.hold, store.count) == (None, had + 1)
    assert store.lineage is not None
    assert [(one.had, one.accepted) for one in store.lineage.losses] == [(5, True)]
    await store.close()
    kept = [*path.parent.glob("hub.db.lineage.*"), *path.parent.glob("backups/lineage.json.*")]
    assert any(read_lineage(one) == before for one in kept)


async def test_nothing_is_accepted_where_nothing_is_lost(store: RecordStore) -> None:
    assert store.hold is None
    with pytest.raises(Conflict, match="not held"):
        await store.accept_loss()


async def test_a_copy_of_before_starts_and_says_what_is_gone(path: Path, files: LineageFile) -> None:
    await grow(path, files, 1, 2)
    shutil.copy(path, path.with_name("mine.bak"))  # as the manual does it
    await grow(path, files, 3, 4, 5)
    shutil.copy(path.with_name("mine.bak"), path)
    store = await opened(path, files)
    assert (store.hold, await numbers(store)) == (None, [1, 2])
    (told,) = store.told
    assert "3 of 5 records are gone" in told
    assert "2023-11-1" in told
    assert "no known backup has them" in told
    await store.append([Record("th_a", "did:a", "DO", {"n": 6})])
    await store.close()
    store = await opened(path, files)
    assert (store.hold, store.told, await numbers(store)) == (None, [], [1, 2, 6])
    assert store.lineage is not None
    (loss,) = store.lineage.losses
    assert (loss.had, loss.has, loss.since, loss.accepted) == (5, 2, 1_700_000_000.0, False)
    assert {one.sequence for one in store.lineage.points} == {2, 3}
    await store.close()


async def test_the_backup_that_has_what_is_gone_is_named(path: Path, files: LineageFile) -> None:
    await grow(path, files, 1, 2)
    shutil.copy(path, path.with_name("mine.bak"))
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": 3})])
    assert store.lineage is not None
    keeper = store._writer.lineage
    assert keeper is not None
    head = store.lineage.head
    newest = path.with_name("newest.bak")
    for name in ("older.bak", "newest.bak", "removed.bak"):
        path.with_name(name).touch()
        keeper.keeper.copied(Point(head.sequence, head.id, head.digest, 0.0, str(path.with_name(name))))
    path.with_name("removed.bak").unlink()
    await store.close()
    shutil.copy(path.with_name("mine.bak"), path)
    store = await opened(path, files)
    (told,) = store.told
    assert f"they are in {newest}: spl stop, then spl backup restore {newest}" in told
    await store.close()


async def test_a_home_that_was_set_back_whole_is_seen_by_the_file_with_the_backups(
    path: Path, files: LineageFile
) -> None:
    await grow(path, files, 1, 2)
    for one in (path, files.path):
        shutil.copy(one, one.with_name(f"old-{one.name}"))
    await grow(path, files, 3)
    for one in (path, files.path):
        shutil.copy(one.with_name(f"old-{one.name}"), one)
    store = await opened(path, files)
    assert "1 of 3 records are gone" in store.told[0]
    await store.close()


async def test_a_killed_process_loses_nothing(path: Path, files: LineageFile) -> None:
    await grow(path, files, 1)
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in (2, 3)])
    assert store._writer.lineage is not None
    await store._writer.lineage.write(everywhere=True)
    kept = files.path.read_bytes()
    killed(path)
    await store.close()
    take_over(path)
    files.path.write_bytes(kept)
    (files.copy or path).write_bytes(kept)
    store = await opened(path, files)
    assert (store.hold, store.told, await numbers(store)) == (None, [], [1, 2, 3])
    await store.close()
    assert not [one for one in path.parent.iterdir() if "trial" in one.name or "Z" in one.name]


async def test_an_old_copy_under_a_newer_write_ahead_log_starts_alone(path: Path, files: LineageFile) -> None:
    """The manual's restore, after a crash: a mixture of both files is never served."""
    await grow(path, files, *range(100))
    shutil.copy(path, path.with_name("mine.bak"))
    await grow(path, files, *range(100, 3000))
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(3000, 3500)])
    killed(path)
    await store.close()
    take_over(path)
    wal = path.with_name("hub.db-wal").read_bytes()
    shutil.copy(path.with_name("mine.bak"), path)
    store = await opened(path, files)
    assert (store.hold, await numbers(store)) == (None, [*range(100)])
    assert "hub.db-wal does not belong to hub.db" in store.told[0]
    assert "3400 of 3500 records are gone" in store.told[1]
    await store.close()
    (kept,) = path.parent.glob("hub.db-wal.*Z")
    assert kept.read_bytes() == wal
    (file,) = path.parent.glob("hub.db.2*Z")
    assert file.read_bytes() == path.with_name("mine.bak").read_bytes()
    assert kept.name in store.told[0]
    assert file.name in store.told[0]


async def test_files_that_are_sound_neither_way_are_refused_and_left(path: Path, files: LineageFile) -> None:
    await grow(path, files, *range(2000))
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": n}) for n in range(2000, 2100)])
    killed(path)
    await store.close()
    take_over(path)
    content = bytearray(path.read_bytes())
    content[20 * 4096 : 30 * 4096] = b"\xff" * (10 * 4096)
    path.write_bytes(content)
    wal = path.with_name("hub.db-wal").read_bytes()
    with pytest.raises(StoreCorrupt, match="without hub") as refusal:
        await opened(path, files)
    assert "copy a backup" in refusal.value.hint
    assert (path.read_bytes(), path.with_name("hub.db-wal").read_bytes()) == (bytes(content), wal)
    assert not path.with_name("hub.db.trial").exists()


async def test_what_a_restore_promised_is_in_the_lineage(
    path: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from syncropel.store.sqlite.restore_journal import RestoreJournal

    await grow(path, files, 1)
    promised = Record("th_b", "did:a", "DO", {"n": 2}, 0).identified()
    RestoreJournal(path).promise([(promised, 5.0)])
    store = await opened(path, files)
    assert store.lineage is not None
    assert (store.lineage.head.sequence, store.lineage.head.id) == (2, promised.id)
    await store.close()
