"""The keeper of a lineage: what it knows after each event, and when it writes it down."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from syncropel.store.lineage.digest import BLOCK, RunningDigest, digest_of
from syncropel.store.lineage.keeper import COPY_SECS, LineageKeeper
from syncropel.store.lineage.lineage import Lineage, LineageFile, Point
from tests.store.lineages import ids


class Files:
    """Keeps what was written: records, serial, whether to both places. Fails with what stands in `fails`."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int, bool]] = []
        self.fails: list[OSError] = []

    def write(self, lineage: Lineage, *, everywhere: bool) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.written.append((lineage.head.sequence, lineage.serial, everywhere))


def keeps(files: Files, lineage: Lineage, digest: RunningDigest, last: tuple[str, float]) -> LineageKeeper:
    return LineageKeeper(cast(LineageFile, files), lineage, digest, last)


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def keeper(files: Files) -> LineageKeeper:
    """Of an empty log, written once."""
    keeper = keeps(files, Lineage("a"), RunningDigest(), ("", 0.0))
    keeper.write(0.0, everywhere=True)
    files.written.clear()
    return keeper


def test_it_knows_where_the_log_ends(keeper: LineageKeeper) -> None:
    assert (keeper.lineage, keeper.sequence, keeper.dirty) == (Lineage("a", serial=1), 0, False)
    keeper.took(ids(BLOCK + 2)[:5], 3.0)
    keeper.took(ids(BLOCK + 2)[5:], 4.0)
    known = keeper.lineage
    assert known.head == Point(BLOCK + 2, ids(BLOCK + 2)[-1], digest_of(ids(BLOCK + 2)), 4.0)
    assert known.begun == digest_of(ids(BLOCK))
    assert (keeper.sequence, keeper.dirty) == (BLOCK + 2, True)


def test_nothing_new_is_nothing_to_write(keeper: LineageKeeper, files: Files) -> None:
    keeper.took([], 3.0)
    assert not keeper.dirty
    keeper.write(COPY_SECS - 1)
    assert files.written == []


def test_it_goes_on_from_what_was_known(files: Files) -> None:
    digest = RunningDigest()
    digest.add(ids(3))
    keeper = keeps(files, Lineage("a"), digest, (ids(3)[-1], 7.0))
    assert keeper.lineage.head == Point(3, ids(3)[-1], digest_of(ids(3)), 7.0)
    assert keeper.dirty


def test_the_file_with_the_backups_is_written_now_and_then(keeper: LineageKeeper, files: Files) -> None:
    for second in (1, 5, 10, 11, 19, 20, 21):
        keeper.took([f"{second:064x}"], 0.0)
        keeper.write(float(second))
    assert [everywhere for _, _, everywhere in files.written] == [
        False,
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert [head for head, _, _ in files.written] == [1, 2, 3, 4, 5, 6, 7]
    assert [serial for _, serial, _ in files.written] == [2, 3, 4, 5, 6, 7, 8]
    keeper.write(22.0)
    assert len(files.written) == 7
    keeper.write(22.5, everywhere=True)
    keeper.write(30.0)
    keeper.write(32.5)
    assert [everywhere for _, _, everywhere in files.written[7:]] == [True, True]


def test_a_failed_write_is_told_once_and_made_up_for(
    keeper: LineageKeeper, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    keeper.took(ids(1), 0.0)
    files.fails += [OSError("no room"), OSError("no room"), OSError("gone")]
    for second in (10.0, 10.1, 10.2):
        keeper.write(second)
        assert keeper.dirty
    assert [one.getMessage() for one in caplog.records] == [
        "cannot write the lineage of the log: no room",
        "cannot write the lineage of the log: gone",
    ]
    keeper.write(10.3)
    assert (files.written, keeper.dirty) == ([(1, 5, True)], False)
    keeper.took(ids(2)[1:], 0.0)
    files.fails += [OSError("gone")]
    keeper.write(10.4)
    assert len(caplog.records) == 3  # it had worked in between


def test_a_checkpoint_that_moved_all_is_a_point(keeper: LineageKeeper) -> None:
    keeper.checkpointed((4096, 1), whole=True)
    assert (keeper.lineage.main, keeper.lineage.points) == ((4096, 1), ())  # of nothing there is no copy
    assert keeper.dirty
    keeper.took(ids(2), 3.0)
    keeper.checkpointed((8192, 2), whole=False)
    assert (keeper.lineage.main, keeper.lineage.points) == ((8192, 2), ())
    keeper.checkpointed((8192, 3), whole=True)
    head = Point(2, ids(2)[-1], digest_of(ids(2)), 3.0)
    assert (keeper.lineage.main, keeper.lineage.points) == ((8192, 3), (head,))
    keeper.checkpointed((8192, 4), whole=True)
    assert (keeper.lineage.main, keeper.lineage.points) == ((8192, 4), (head,))


def test_a_backup_of_the_same_records_is_another_point(keeper: LineageKeeper) -> None:
    keeper.took(ids(2), 3.0)
    head = Point(2, ids(2)[-1], digest_of(ids(2)), 3.0)
    keeper.copied(replace(head, backup="/b"))
    keeper.checkpointed((1, 1), whole=True)
    assert set(keeper.lineage.points) == {head, replace(head, backup="/b")}
    assert keeper.dirty


@pytest.mark.parametrize("other", [{"sequence": 1}, {"digest": "f" * 64}])
def test_another_point_is_no_reason_to_leave_this_one_out(files: Files, other: dict[str, object]) -> None:
    digest = RunningDigest()
    digest.add(ids(2))
    head = Point(2, ids(2)[-1], digest_of(ids(2)), 3.0)
    lineage = Lineage("a", points=(replace(head, **other),))  # type: ignore[arg-type]
    keeper = keeps(files, lineage, digest, (ids(2)[-1], 3.0))
    keeper.checkpointed((1, 1), whole=True)
    assert len(keeper.lineage.points) == 2


def test_what_is_accepted_stays_accepted(keeper: LineageKeeper, files: Files) -> None:
    keeper.accept_altered(["c", "a"])
    keeper.accept_altered(["b", "a"])
    assert keeper.lineage.accepted == ("a", "b", "c")
    keeper.write(1.0)
    assert len(files.written) == 1
