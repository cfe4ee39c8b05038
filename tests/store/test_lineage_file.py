"""The file of a lineage and its digest: whole at each moment, and known for what it is."""

from __future__ import annotations

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
