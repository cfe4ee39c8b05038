"""The steps of one backup: what each leaves, who may read it, and what is said when one cannot be taken."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from syncropel.record.model import Record
from syncropel.store.calls import Call
from syncropel.store.lineage.judging import name_log
from syncropel.store.sqlite import backup as backups
from syncropel.store.sqlite import reading
from syncropel.store.sqlite.backup import STOPPED, BackupResult, Order, backup, backup_path, lineage_files
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.connection import read_only
from syncropel.store.sqlite.manifest import Rotation, entries, manifest_path, read_manifest
from syncropel.store.sqlite.schema import prepare

KEEP = Rotation(5, 0)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return grown(tmp_path / "hub.db", 3)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "not" / "yet" / "hub.db.bak"


def grown(path: Path, count: int, kind: str = "n") -> Path:
    """A log with that many more records."""
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        prepare(log, path)
        head = reading.head(log)
        records = [Record("th_a", "did:a", "DO", {kind: head.last + n}) for n in range(count)]
        commit(log, [Call(records, 1.0)], head)
    return path


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_backup_is_for_its_owner_alone(store: Path, place: Path) -> None:
    done = backup(store, place, order=Order("now", 5.0))
    assert (done.records, done.refused, done.kept) == (3, "", None)
    assert done.point is not None
    assert (done.point.sequence, done.point.at, done.point.backup) == (3, 5.0, str(place))
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert names(place.parent) == ["hub.db.bak", "hub.db.bak.json"]


def test_it_says_how_far_it_is(store: Path, place: Path) -> None:
    heard: list[tuple[str, int, int]] = []
    backup(store, place, order=Order("now", 5.0, progress=lambda *told: heard.append(told)))
    copied = [(done, of) for what, done, of in heard if what == "copying"]
    checked = [(done, of) for what, done, of in heard if what == "checking"]
    assert [what for what, *_ in heard] == ["copying"] * len(copied) + ["checking"] * len(checked)
    assert copied[-1][0] == copied[-1][1] > 0
    records = read_manifest(place)
    assert records is not None
    assert checked[-1] == (records.records, records.records)


def test_without_an_order_it_is_one_of_now(store: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 77.5)
    backup(store, place)
    manifest = read_manifest(place)
    assert manifest is not None
    assert (manifest.made_at, manifest.kind, manifest.log) == (77.5, "start", "")


def test_the_name_of_the_log_goes_with_it(store: Path, place: Path) -> None:
    with closing(sqlite3.connect(store, isolation_level=None)) as log:
        name_log(log, "log-a")
    backup(store, place)
    manifest = read_manifest(place)
    assert manifest is not None
    assert manifest.log == "log-a"


def test_one_that_is_as_new_is_left(store: Path, place: Path) -> None:
    backup(store, place)
    before = place.stat()
    again = backup(store, place)
    assert again == BackupResult(place, 3)
    assert place.stat().st_ino == before.st_ino


def test_it_is_durable_before_it_has_its_name(
    store: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        events.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        events.append(f"replace {target.name}")
        return replace(self, target)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("only Linux names what a descriptor is of")
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    backup(store, place)
    mine = [one for one in events if "json" not in one]
    assert mine == ["sync .hub.db.bak.tmp", "replace hub.db.bak", "sync yet"]


def test_the_earlier_ones_are_kept_under_their_time(store: Path, place: Path) -> None:
    for turn in range(3):
        backup(store, place, order=Order("now", float(turn), KEEP))
        grown(store, 1)
    stamps = ["hub.db.19700101T000000.000000Z.bak", "hub.db.19700101T000001.000000Z.bak"]
    assert names(place.parent) == sorted(
        ["hub.db.bak", "hub.db.bak.json", *stamps, *(f"{one}.json" for one in stamps)]
    )
    found = [(one.path.name, one.manifest.records) for one in entries(place.parent) if one.manifest]
    assert found == [("hub.db.bak", 5), (stamps[1], 4), (stamps[0], 3)]


def test_one_without_a_manifest_is_kept_under_the_time_of_its_file(store: Path, place: Path) -> None:
    backup(store, place)
    manifest_path(place).unlink()
    os.utime(place, (9.0, 9.0))
    grown(store, 1)
    backup(store, place, order=Order("now", 10.0, KEEP))
    assert names(place.parent) == ["hub.db.19700101T000009.000000Z.bak", "hub.db.bak", "hub.db.bak.json"]


def test_a_name_that_is_taken_is_left(store: Path, place: Path) -> None:
    backup(store, place, order=Order("now", 0.0))
    taken = place.with_name("hub.db.19700101T000000.000000Z.bak")
    taken.write_text("mine")
    grown(store, 1)
    assert backup(store, place, order=Order("now", 1.0, KEEP)).refused == ""
    assert taken.read_text() == "mine"


def test_without_a_rotation_none_is_kept_and_none_removed(store: Path, place: Path) -> None:
    backup(store, place)
    other = place.with_name("hub.db.20000101T000000Z.bak")
    other.touch()
    grown(store, 1)
    backup(store, place)
    assert names(place.parent) == [other.name, "hub.db.bak", "hub.db.bak.json"]


def test_another_log_sends_it_aside_with_its_manifest(store: Path, place: Path, tmp_path: Path) -> None:
    backup(store, place)
    whole = place.read_bytes(), manifest_path(place).read_text()
    for turn, other in enumerate(("b", "c"), 1):
        done = backup(grown(tmp_path / f"{other}.db", 4, other), place, order=Order("now", 1.0, KEEP))
        assert done.kept == place.with_name(f"hub.db.bak.{turn}")
    aside = place.with_name("hub.db.bak.1")
    assert (aside.read_bytes(), manifest_path(aside).read_text()) == whole
    assert len(names(place.parent)) == 6


def test_a_backup_of_nothing_gives_way(store: Path, place: Path, tmp_path: Path) -> None:
    place.parent.mkdir(parents=True)
    empty = grown(tmp_path / "empty.db", 0)
    empty.rename(place)
    assert backup(store, place).kept is None
    assert names(place.parent) == ["hub.db.bak", "hub.db.bak.json"]


def test_an_aside_without_a_manifest_goes_alone(store: Path, place: Path, tmp_path: Path) -> None:
    backup(store, place)
    manifest_path(place).unlink()
    done = backup(grown(tmp_path / "b.db", 4, "b"), place)
    assert done.kept == place.with_name("hub.db.bak.1")
    assert names(place.parent) == ["hub.db.bak", "hub.db.bak.1", "hub.db.bak.json"]


def test_a_log_whose_path_is_gone_is_copied_from_its_connection(store: Path, place: Path) -> None:
    with closing(read_only(store)) as log:
        store.unlink()
        done = backup(store, place, source=log)
        assert (done.records, done.refused) == (3, "")
        assert not log.in_transaction
    assert backup(store, place) == BackupResult(place, 3, refused=f"there is no store at {store}")


@pytest.fixture
def second(store: Path, place: Path) -> Iterator[Path]:
    """A store of four records with a backup of three, which has to be as it was in the end."""
    backup(store, place, order=Order("now", 1.0))
    before = {one.name: one.read_bytes() for one in place.parent.iterdir()}
    yield grown(store, 1)
    assert {one.name: one.read_bytes() for one in place.parent.iterdir()} == before


@pytest.mark.parametrize("looks", [0, 1])
def test_one_that_is_stopped_leaves_the_former(second: Path, place: Path, looks: int) -> None:
    """While its pages are copied, and while its records are hashed."""
    seen: list[int] = []

    def stopping() -> bool:
        seen.append(1)
        return len(seen) > looks

    assert backup(second, place, stopping, Order("now", 2.0)) == BackupResult(place, 3, refused=STOPPED)
    assert len(seen) == looks + 1


def test_one_is_stopped_while_its_pages_are_checked(
    second: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With each instruction a look: the check of the pages is long where a log is."""
    monkeypatch.setattr(backups, "_INSTRUCTIONS", 1)
    checking: list[int] = []
    real: Callable[..., str] = backups._checked

    def checked(copied: sqlite3.Connection, stopping: Callable[[], bool]) -> str:
        def stop() -> bool:
            checking.append(1)
            return len(checking) > 3

        return real(copied, stop)

    monkeypatch.setattr(backups, "_checked", checked)
    assert backup(second, place).refused == STOPPED
    assert len(checking) >= 4


def test_an_error_of_the_check_is_no_stop(second: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(backups, "_checked", broken)
    done = backup(second, place)
    assert (done.records, STOPPED in done.refused) == (3, False)
    assert "disk I/O error" in done.refused


def test_pages_that_are_not_sound_are_not_copied(
    second: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_checked", lambda *_: "page 3 is torn")
    done = backup(second, place)
    assert (done.records, done.point) == (3, None)
    assert f"{second} is damaged" in done.refused
    assert "page 3 is torn" in done.refused


def test_the_pages_of_a_copy_are_read(store: Path) -> None:
    with closing(sqlite3.connect(store)) as log:
        assert backups._checked(log, lambda: False) == "ok"


class Failing:
    """A copy whose pages cannot be read. `handlers`: whether each call removed the handler, and its steps."""

    def __init__(self) -> None:
        self.handlers: list[object] = []

    def execute(self, _: str) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def set_progress_handler(self, handler: object, instructions: int) -> None:
        self.handlers.append((handler is None, instructions))


def test_a_copy_that_cannot_be_read_is_an_error_and_no_stop() -> None:
    copied = Failing()
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        backups._checked(cast(sqlite3.Connection, copied), lambda: False)
    assert copied.handlers == [(False, backups._INSTRUCTIONS), (True, 0)]


@pytest.mark.parametrize("error", [OSError("no room"), sqlite3.OperationalError("locked")])
def test_what_is_in_the_way_is_told(
    second: Path, place: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(backups, "_copy", fail)
    done = backup(second, place)
    assert (done.records, done.point, done.kept) == (3, None, None)
    assert str(error) in done.refused
    assert (done.refused == "no room") is isinstance(error, OSError)


def test_an_empty_store_is_not_copied(second: Path, place: Path, tmp_path: Path) -> None:
    empty = grown(tmp_path / "empty.db", 0)
    assert backup(empty, place) == BackupResult(place, 3, refused=f"{empty} holds no record")
    assert backup(empty, tmp_path / "none").records == 0


def test_where_backups_are(tmp_path: Path) -> None:
    place = backup_path(tmp_path, "instance-a")
    assert place == tmp_path / "backups" / "instance-a" / "hub.db.bak"
    files = lineage_files(tmp_path / "l", place)
    assert (files.path, files.copy) == (tmp_path / "l", place.parent / "lineage.json")


def test_an_altered_record_is_not_copied(second: Path, place: Path) -> None:
    with closing(sqlite3.connect(second)) as log, log:
        log.execute("UPDATE records SET body = '{}' WHERE sequence = 2")
    done = backup(second, place)
    assert (done.records, done.point) == (3, None)
    assert "record 2 (" in done.refused


def test_what_is_no_backup_goes_aside(store: Path, place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("junk")
    assert backup(store, place).kept == place.with_name("hub.db.bak.1")


def test_the_rotation_holds_from_the_next_one_on(store: Path, place: Path) -> None:
    for turn in range(4):
        backup(store, place, order=Order("now", float(turn), Rotation(2, 0)))
        grown(store, 1)
    assert [one.path.name for one in entries(place.parent)] == [
        "hub.db.bak",
        "hub.db.19700101T000002.000000Z.bak",
    ]


def test_a_draft_of_a_crash_is_no_start(store: Path, place: Path) -> None:
    place.parent.mkdir(parents=True)
    draft = place.with_name(".hub.db.bak.tmp")
    draft.write_text("of everybody")
    draft.chmod(0o644)
    assert backup(store, place).refused == ""
    assert place.stat().st_mode & 0o777 == 0o600


def test_it_leaves_no_file_open(store: Path, place: Path) -> None:
    before = next_descriptor()
    backup(store, place)
    assert next_descriptor() == before


def next_descriptor() -> int:
    descriptor = os.open(os.devnull, os.O_RDONLY)
    os.close(descriptor)
    return descriptor
