"""What an opening finds: which files belong together, what a lineage begins with, and what it keeps."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import StoreCorrupt
from syncropel.store.lineage.digest import BLOCK, digest_of
from syncropel.store.lineage.judging import Judgement, log_id, name_log
from syncropel.store.lineage.lineage import Lineage, LineageFile, Loss, Point
from syncropel.store.sqlite import lineage_opening as opening
from syncropel.store.sqlite.following import catch_up
from syncropel.store.sqlite.integrity import Walked
from syncropel.store.sqlite.lineage_opening import (
    begin_anew,
    choose_files,
    hold_against,
    move_aside,
)
from tests.store.lineages import add, ids, known, log

__all__ = ["log"]

STAMP = "20231114T221320.500000Z"
NOW = 1_700_000_000.5


@pytest.fixture
def files(tmp_path: Path) -> LineageFile:
    return LineageFile(tmp_path / "hub.db.lineage", tmp_path / "backups" / "lineage.json")


def test_a_log_without_a_lineage_begins_one(log: sqlite3.Connection, files: LineageFile) -> None:
    add(log, 0, 3)
    opened = hold_against(log, files, NOW, lambda: "named")
    assert (opened.judgement.state, opened.hold, opened.told) == ("new", None, [])
    assert log_id(log) == "named"
    expected = Lineage("named", Point(3, ids(3)[-1], digest_of(ids(3)), 3.0), serial=1)
    assert [expected] == files.read()[0]
    assert files.copy is not None
    assert files.copy.exists()


def test_an_empty_log_begins_one_too(log: sqlite3.Connection, files: LineageFile) -> None:
    hold_against(log, files, NOW, lambda: "named")
    (found,) = files.read()[0]
    assert found.head == Point()


@pytest.mark.parametrize("name", ["", "log-a"])
def test_a_log_that_goes_on_is_followed(log: sqlite3.Connection, files: LineageFile, name: str) -> None:
    files.write(known(BLOCK + 2), everywhere=True)
    add(log, 0, BLOCK + 5)
    if name:
        name_log(log, name)
    opened = hold_against(log, files, NOW)
    assert (opened.hold, opened.told, log_id(log)) == (None, [], "log-a")
    assert opened.keeper is not None
    head = opened.keeper.lineage.head
    assert head == Point(BLOCK + 5, ids(BLOCK + 5)[-1], digest_of(ids(BLOCK + 5)), BLOCK + 5.0)
    add(log, BLOCK + 5, BLOCK + 7)
    catch_up(opened.keeper, log)
    head = opened.keeper.lineage.head
    assert head == Point(BLOCK + 7, ids(BLOCK + 7)[-1], digest_of(ids(BLOCK + 7)), BLOCK + 7.0)


def test_a_log_that_is_held_keeps_its_lineage(log: sqlite3.Connection, files: LineageFile) -> None:
    files.write(known(5), everywhere=True)
    before = files.read()
    add(log, 0, 3)
    name_log(log, "log-a")
    opened = hold_against(log, files, NOW)
    assert opened.keeper is None
    assert opened.hold is not None
    assert opened.hold.told == "2 of 5 records are gone, and no copy was ever made that ends there"
    assert opened.hold.hint == opened.judgement.hint
    assert files.read() == before


def test_a_shorter_log_is_told_and_begins_anew(log: sqlite3.Connection, files: LineageFile) -> None:
    at_two, at_four = (Point(n, ids(n)[-1], digest_of(ids(n)), 0.0) for n in (2, 4))
    former = replace(known(5, at_two, at_four), losses=(Loss(1.0, 9, 8),), accepted=("x",))
    files.write(former, everywhere=True)
    add(log, 0, 2)
    name_log(log, "log-a")
    opened = hold_against(log, files, NOW)
    assert opened.hold is None
    (told,) = opened.told
    assert told.startswith("3 of 5 records are gone")
    assert told.endswith("; no known backup has them")
    (now,) = files.read()[0]
    assert (now.log, now.points, now.accepted, now.serial) == ("log-a", (at_two,), ("x",), 8)
    assert now.losses == (Loss(1.0, 9, 8), Loss(NOW, 5, 2, 2.0))
    assert sorted(one.name for one in files.path.parent.glob("*lineage.*")) == [f"hub.db.lineage.{STAMP}"]


def test_what_cannot_be_read_is_told(log: sqlite3.Connection, files: LineageFile) -> None:
    files.path.write_text("junk")
    add(log, 0, 1)
    (told,) = hold_against(log, files, NOW).told
    assert told.endswith(": it is unknown whether the log lost records before")
    assert f"{files.path} cannot be read" in told


@pytest.mark.parametrize(
    ("own", "accepted", "name"),
    [("log-a", True, "log-a"), ("", False, "log-a"), ("", True, "fresh"), ("log-b", True, "log-b")],
)
def test_who_accepts_a_loss_accepts_the_log_that_is_there(
    log: sqlite3.Connection, files: LineageFile, own: str, accepted: bool, name: str
) -> None:
    add(log, 0, 2)
    if own:
        name_log(log, own)
    point = Point(1, ids(1)[0], digest_of(ids(1)))
    judgement = Judgement("held", own, known(5, point), Loss(9.0, 5, 2))
    keeper = begin_anew(log, files, judgement, NOW, lambda: "fresh", accepted=accepted)
    assert (keeper.lineage.log, log_id(log)) == (name, name)
    assert keeper.lineage.losses == (Loss(9.0, 5, 2, accepted=accepted),)
    assert keeper.lineage.points == ((point,) if name == "log-a" else ())
    assert not keeper.dirty


def test_a_lineage_without_a_loss_keeps_the_former_ones(log: sqlite3.Connection, files: LineageFile) -> None:
    former = replace(known(5), losses=(Loss(1.0, 9, 8),))
    keeper = begin_anew(log, files, Judgement("continues", "log-a", former), NOW)
    assert keeper.lineage.losses == (Loss(1.0, 9, 8),)


def test_each_log_has_a_name_of_its_own(log: sqlite3.Connection, files: LineageFile) -> None:
    names = {begin_anew(log, files, Judgement("new"), NOW).lineage.log for _ in range(2)}
    assert len(names) == 2
    assert all(len(name) == 32 for name in names)


@pytest.fixture
def store(tmp_path: Path, files: LineageFile) -> Path:
    """A file with a write-ahead log beside it, and a lineage that knows neither."""
    path = tmp_path / "hub.db"
    path.write_bytes(b"main")
    (tmp_path / "hub.db-wal").write_bytes(b"log")
    files.write(known(2), everywhere=False)
    return path


def trials(monkeypatch: pytest.MonkeyPatch, together: Walked | str, alone: Walked | str = "?") -> list[str]:
    """Answers for the two trials; gives which were made."""
    made: list[str] = []

    def tried(store: Path, wal: Path | None, wanted: Any) -> Walked | str:
        assert list(wanted) == [2]
        made.append("alone" if wal is None else "together")
        return alone if wal is None else together

    monkeypatch.setattr(opening, "_tried", tried)
    return made


GOOD = Walked(digests={2: digest_of(ids(2))})
OTHER = Walked(digests={2: "f" * 64})


@pytest.mark.parametrize("case", ["no lineage", "no store", "no wal", "an empty wal", "as it was left"])
def test_without_a_doubt_nothing_is_tried(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    made = trials(monkeypatch, "must not be tried", "must not be tried")
    wal = store.with_name("hub.db-wal")
    if case == "no lineage":
        files.path.unlink()
    elif case == "no store":
        store.unlink()
    elif case == "no wal":
        wal.unlink()
    elif case == "an empty wal":
        wal.write_bytes(b"")
    else:
        found = store.stat()
        files.write(replace(known(2), main=(found.st_size, found.st_mtime_ns)), everywhere=False)
    before = sorted(store.parent.iterdir())
    assert choose_files(store, files, NOW) == []
    assert (made, sorted(store.parent.iterdir())) == ([], before)


@pytest.mark.parametrize("size", [1, 4])
def test_a_file_that_was_changed_is_a_doubt(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    made = trials(monkeypatch, GOOD)
    store.with_name("hub.db-wal").write_bytes(b"x" * size)
    found = store.stat()
    files.write(replace(known(2), main=(found.st_size, found.st_mtime_ns + 1)), everywhere=False)
    assert choose_files(store, files, NOW) == []
    assert made == ["together"]


@pytest.mark.parametrize("together", [OTHER, Walked(), "damaged"])
def test_a_log_that_does_not_belong_is_kept_by_name(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, together: Walked | str
) -> None:
    made = trials(monkeypatch, together, OTHER)
    (told,) = choose_files(store, files, NOW)
    assert made == ["together", "alone"]
    assert told == (
        "hub.db-wal does not belong to hub.db, which was put in its place: kept as "
        f"hub.db.{STAMP}, hub.db-wal.{STAMP}"
    )
    assert store.read_bytes() == store.with_name(f"hub.db.{STAMP}").read_bytes() == b"main"
    assert store.with_name(f"hub.db.{STAMP}").stat().st_mode & 0o777 == 0o600
    assert store.with_name(f"hub.db-wal.{STAMP}").read_bytes() == b"log"
    assert not store.with_name("hub.db-wal").exists()


@pytest.mark.parametrize(
    ("together", "told"), [("torn", "torn; without hub.db-wal: cut"), (OTHER, "cut; without hub.db-wal: cut")]
)
def test_what_is_no_log_either_way_is_left_as_it_is(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, together: Walked | str, told: str
) -> None:
    trials(monkeypatch, together, "cut")
    before = {one.name: one.read_bytes() for one in store.parent.iterdir()}
    with pytest.raises(StoreCorrupt, match=told):
        choose_files(store, files, NOW)
    assert {one.name: one.read_bytes() for one in store.parent.iterdir()} == before


def test_a_log_of_which_no_record_was_known_goes_on(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write(Lineage("log-a"), everywhere=False)
    monkeypatch.setattr(opening, "_tried", lambda *_: Walked())
    assert choose_files(store, files, NOW) == []


def test_a_trial_is_on_private_copies_and_leaves_nothing(
    store: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = store.with_name("hub.db.trial")
    trial.mkdir()
    (trial / "left by a crash").touch()
    seen: list[tuple[list[str], int]] = []

    def walk(log: sqlite3.Connection, path: Path, *, wanted: Any) -> Walked:
        seen.append((sorted(os.listdir(path.parent)), path.parent.stat().st_mode & 0o777))
        assert (path.parent, path.read_bytes(), list(wanted)) == (trial, b"main", [2])
        return OTHER

    monkeypatch.setattr(opening, "walk", walk)
    assert len(choose_files(store, files, NOW)) == 1
    assert seen == [(["hub.db", "hub.db-wal"], 0o700), (["hub.db"], 0o700)]
    assert not trial.exists()


def test_a_trial_says_why_it_is_no_log(store: Path, files: LineageFile) -> None:
    with pytest.raises(StoreCorrupt) as caught:
        choose_files(store, files, NOW)
    assert caught.value.message.count(str(store)) > 1
    assert not store.with_name("hub.db.trial").exists()
    with closing(sqlite3.connect(store.with_name("other.db"))) as other:
        other.execute("CREATE TABLE t (x)")
    shutil.copyfile(store.with_name("other.db"), store)
    with pytest.raises(StoreCorrupt, match="it belongs to another program"):
        choose_files(store, files, NOW)


def test_only_what_is_there_is_moved(tmp_path: Path) -> None:
    store = tmp_path / "hub.db"
    for name in ("hub.db", "hub.db-shm"):
        (tmp_path / name).write_text(name)
    assert move_aside(store, NOW) == [tmp_path / f"hub.db-shm.{STAMP}"]
    assert move_aside(store, NOW, ("", "-wal")) == [tmp_path / f"hub.db.{STAMP}"]
    assert (tmp_path / f"hub.db.{STAMP}").read_text() == "hub.db"
