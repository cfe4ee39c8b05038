"""The file of a lineage and its digest: whole at each moment, and known for what it is."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.store.lineage import lineage as lineages
from syncropel.store.lineage.digest import BLOCK, RunningDigest, digest_of
from syncropel.store.lineage.lineage import Lineage, LineageFile, Point, Unreadable, read_lineage
from syncropel.store.refusals import StoreHeld
from tests.store.test_lineage import files, grow, killed, numbers, opened, path, take_over

__all__ = ["files", "path"]


@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
@pytest.mark.parametrize("step", [1, 7, BLOCK, 5000])
def test_a_digest_does_not_depend_on_groups_and_goes_on_from_a_block(count: int, step: int) -> None:
    ids = [f"{n:064x}" for n in range(count)]
    running = RunningDigest()
    for at in range(0, count, step):
        running.add(ids[at : at + step])
    assert (running.sequence, running.value()) == (count, digest_of(ids))
    again = RunningDigest(running.block_start, running.begun)
    again.add(ids[running.block_start :])
    assert again.value() == running.value()
    more = [*ids, "f" * 64]
    assert digest_of(more) != digest_of(ids)
    if count > 1:
        assert digest_of([ids[1], ids[0], *ids[2:]]) != digest_of(ids)


def test_a_digest_goes_on_only_from_the_end_of_a_block() -> None:
    with pytest.raises(ValueError, match="not at 5"):
        RunningDigest(5)


@pytest.mark.parametrize("spoil", [b"", b"{}", b'{"version": 9}', b"junk"])
async def test_a_lineage_that_cannot_be_read_is_told_and_the_other_one_serves(
    path: Path, files: LineageFile, spoil: bytes
) -> None:
    await grow(path, files, 1, 2, 3)
    files.path.write_bytes(spoil)
    store = await opened(path, files)
    assert (store.hold, store.told and "unknown" in store.told[0]) == (None, True)
    await store.close()
    assert read_lineage(files.path) is not None
    files.path.write_bytes(spoil)
    path.unlink()
    store = await opened(path, files)
    assert store.hold is not None
    await store.close()


def test_a_lineage_that_was_changed_by_hand_is_none(tmp_path: Path) -> None:
    path = tmp_path / "l"
    lineages.write_lineage(path, Lineage("a", Point(5, "x", "y", 1.0), main=(1, 2), points=(Point(1),)))
    assert read_lineage(path) == Lineage("a", Point(5, "x", "y", 1.0), main=(1, 2), points=(Point(1),))
    path.write_text(path.read_text().replace('"sequence": 5', '"sequence": 4'))
    with pytest.raises(Unreadable, match="not as it was written"):
        read_lineage(path)


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "fsync of the folder"])
async def test_a_crash_at_any_step_of_writing_leaves_a_lineage_that_holds(
    path: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await grow(path, files, 1)
    store = await opened(path, files)
    await store.append([Record("th_a", "did:a", "DO", {"n": 2})])
    keeper = store._writer.lineage
    assert keeper is not None
    calls = {"fsync": 0}
    real = os.fsync

    def fsync(descriptor: int) -> None:
        calls["fsync"] += 1
        if step == ("fsync" if calls["fsync"] % 2 else "fsync of the folder"):
            raise OSError("crash")
        real(descriptor)

    def crash(*_: object) -> None:
        raise OSError("crash")

    with monkeypatch.context() as crashing:
        if step == "open":
            crashing.setattr(os, "open", crash)
        elif step == "replace":
            crashing.setattr(os, "replace", crash)
        else:
            crashing.setattr(os, "fsync", fsync)
        await keeper.write(everywhere=True)
    assert keeper.keeper.dirty
    left = files.path.read_bytes()
    killed(path)
    await store.close()
    take_over(path)
    files.path.write_bytes(left)
    store = await opened(path, files)
    assert (store.hold, await numbers(store)) == (None, [1, 2])
    await store.close()


async def test_a_full_disk_is_told_once_and_made_up_for(
    path: Path, files: LineageFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = await opened(path, files)
    keeper = store._writer.lineage
    assert keeper is not None
    with monkeypatch.context() as full:
        full.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no room")))
        for n in range(3):
            await store.append([Record("th_a", "did:a", "DO", {"n": n})])
            await keeper.write(everywhere=True)
    assert caplog.text.count("cannot write the lineage") == 1
    await store.close()
    known = read_lineage(files.path)
    assert known is not None
    assert known.head.sequence == 3


def test_only_so_many_points_are_kept() -> None:
    lineage = Lineage("a")
    for n in range(lineages.COPIES_KEPT + 5):
        lineage = lineage.with_point(Point(n, backup=f"b{n}"))
    for n in range(lineages.CHECKPOINTS_KEPT + 5):
        lineage = lineage.with_point(Point(n))
    copies = [one.backup for one in lineage.points if one.backup]
    assert copies == [f"b{n}" for n in range(5, lineages.COPIES_KEPT + 5)]
    assert len(lineage.points) == lineages.COPIES_KEPT + lineages.CHECKPOINTS_KEPT
    again = lineage.with_point(Point(9999, backup="b7"))
    assert [one.sequence for one in again.points if one.backup == "b7"] == [9999]


def test_no_error_is_a_store_error_by_accident() -> None:
    assert issubclass(StoreHeld, StoreError)
    assert (StoreHeld.status, StoreHeld.code) == (503, "STORE_HELD")


@pytest.mark.parametrize("count", [BLOCK, 2 * BLOCK])
async def test_a_log_that_ends_with_a_block_goes_on_and_is_looked_at(
    path: Path, files: LineageFile, count: int
) -> None:
    await grow(path, files, *range(count))
    await grow(path, files)
    store = await opened(path, files)
    assert (store.hold, store.told, store.count) == (None, [], count)
    await store.close()
    with closing(sqlite3.connect(path)) as log, log:
        log.execute("UPDATE records SET id = ? WHERE sequence = ?", ("0" * 64, count))
    store = await opened(path, files)
    assert store.hold is not None
    assert f"record {count} of the log is not the one" in store.hold.told
    await store.close()


async def test_a_block_whose_digest_was_changed_is_not_taken(path: Path, files: LineageFile) -> None:
    await grow(path, files, *range(BLOCK))
    known = read_lineage(files.path)
    assert known is not None
    spoilt = replace(known, head=replace(known.head, digest="f" * 64), serial=known.serial + 1)
    files.write(spoilt, everywhere=True)
    store = await opened(path, files)
    assert store.hold is not None
    await store.close()


async def test_an_empty_log_that_was_empty_is_taken(path: Path, files: LineageFile) -> None:
    await grow(path, files)
    store = await opened(path, files)
    assert (store.hold, store.told) == (None, [])
    await store.close()


def test_the_newest_of_each_log_counts_and_the_one_beside_the_log_comes_first(files: LineageFile) -> None:
    assert files.copy is not None
    files.copy.parent.mkdir(parents=True)
    for beside, copy in ((1, 2), (2, 1), (2, 2)):
        lineages.write_lineage(files.path, Lineage("a", Point(1), serial=beside))
        lineages.write_lineage(files.copy, Lineage("a", Point(2), serial=copy))
        (known,) = files.read()[0]
        assert (known.serial, known.head.sequence) == (2, 2 if copy > beside else 1)
    lineages.write_lineage(files.copy, Lineage("b", serial=9))
    assert [one.log for one in files.read()[0]] == ["a", "b"]
    files.path.unlink()
    assert files.read() == ([Lineage("b", serial=9)], [])


def test_both_files_are_written_or_the_one_beside_the_log(tmp_path: Path) -> None:
    files = LineageFile(tmp_path / "lineage", tmp_path / "not" / "yet" / "lineage.json")
    assert files.copy is not None
    files.write(Lineage("a"), everywhere=False)
    assert (files.path.exists(), files.copy.parent.exists()) == (True, False)
    files.write(Lineage("b"), everywhere=True)
    assert read_lineage(files.path) == read_lineage(files.copy) == Lineage("b")
    assert files.copy.parent.stat().st_mode & 0o777 == 0o700
    alone = LineageFile(tmp_path / "alone")
    alone.write(Lineage("c"), everywhere=True)
    assert alone.read() == ([Lineage("c")], [])


def test_a_copy_that_cannot_be_written_keeps_the_one_beside_the_log_from_nothing(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    files = LineageFile(tmp_path / "lineage", tmp_path / "a file" / "lineage.json")
    with pytest.raises(OSError, match="a file"):
        files.write(Lineage("a"), everywhere=True)
    assert read_lineage(files.path) == Lineage("a")


def test_what_is_set_aside_is_named(files: LineageFile) -> None:
    assert files.set_aside("T0") == []
    files.write(Lineage("a"), everywhere=True)
    kept = files.set_aside("T1")
    assert files.copy is not None
    assert [one.name for one in kept] == ["hub.db.lineage.T1", "lineage.json.T1"]
    assert [read_lineage(one) for one in kept] == [Lineage("a")] * 2
    assert files.read() == ([], [])


def test_it_is_whole_before_it_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    lineages.write_lineage(tmp_path / "l", Lineage("a"))
    assert sizes[0] == (tmp_path / "l").stat().st_size
    assert len(sizes) == 2  # and the folder
    assert sorted(one.name for one in tmp_path.iterdir()) == ["l"]


def test_it_is_known_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "l"
    lineage = Lineage("a", Point(5, "x", "y", 1.0), losses=(lineages.Loss(1.0, 5, 3),), accepted=("z",))
    lineages.write_lineage(path, lineage)
    document = json.loads(path.read_text())
    assert document["losses"][0]["accepted"] is False
    path.write_text(json.dumps(dict(reversed(document.items()))))
    assert read_lineage(path) == lineage


def test_one_of_a_later_version_is_told_as_that(tmp_path: Path) -> None:
    path = tmp_path / "l"
    lineages.write_lineage(path, Lineage("a"))
    document = json.loads(path.read_text())
    del document["seal"]
    document["version"] = 2
    path.write_text(json.dumps({**document, "seal": lineages._seal(document)}))
    with pytest.raises(Unreadable, match="has version 2; this version of syncropel knows 1"):
        read_lineage(path)


@pytest.mark.parametrize("main", [None, (4096, 7)])
def test_every_field_comes_back(tmp_path: Path, main: tuple[int, int] | None) -> None:
    lineage = Lineage(
        "a",
        Point(5, "x", "y", 1.5, "/b"),
        begun="begun",
        main=main,
        points=(Point(1, "p"), Point(2, "q")),
        losses=(lineages.Loss(1.0, 5, 3, 2.0, "/b", accepted=True),),
        accepted=("one", "two"),
        serial=7,
    )
    lineages.write_lineage(tmp_path / "l", lineage)
    assert read_lineage(tmp_path / "l") == lineage


def test_of_a_new_log_nothing_is_known() -> None:
    lineage = Lineage("a")
    assert (lineage.head, lineage.begun, lineage.serial) == (Point(0, "", "", 0.0, ""), "", 0)
    assert lineages.Loss(1.0, 5, 3) == lineages.Loss(1.0, 5, 3, 0.0, "", accepted=False)


def test_points_are_in_order_of_the_log(tmp_path: Path) -> None:
    lineage = Lineage("a")
    for point in (Point(5, at=2.0), Point(3, at=9.0, backup="b"), Point(5, at=1.0, backup="c")):
        lineage = lineage.with_point(point)
    assert [(one.sequence, one.at) for one in lineage.points] == [(3, 9.0), (5, 1.0), (5, 2.0)]
