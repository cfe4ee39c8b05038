"""Which log is the one of its lineage: judged by its records alone, one doubtful case after the other."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from syncropel.store.lineage import judging
from syncropel.store.lineage.digest import BLOCK, digest_of
from syncropel.store.lineage.judging import Judgement, ids_after, judge, log_id, name_log, running_digest
from syncropel.store.lineage.lineage import Loss, Point
from tests.store.lineages import add, end, ids, known, log

__all__ = ["log"]


def filled(log: sqlite3.Connection, count: int, name: str = "log-a") -> sqlite3.Connection:
    add(log, 0, count)
    if name:
        name_log(log, name)
    return log


def copied(count: int, backup: str = "") -> Point:
    return replace(end(count), backup=backup)


def test_a_log_of_which_nothing_is_known_is_new(log: sqlite3.Connection) -> None:
    assert judge(filled(log, 3, name=""), [], 9.0) == Judgement("new", "")
    name_log(log, "log-a")
    assert judge(log, [], 9.0) == Judgement("new", "log-a")


@pytest.mark.parametrize("had", [0, 1, 3, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_what_goes_on_continues(log: sqlite3.Connection, had: int, more: int) -> None:
    found = judge(filled(log, had + more), [known(had)], 9.0)
    assert found == Judgement("continues", "log-a", known(had))


def test_a_log_without_a_name_is_known_by_its_records(log: sqlite3.Connection) -> None:
    assert judge(filled(log, 3, name=""), [known(3)], 9.0) == Judgement("continues", "", known(3))


@pytest.mark.parametrize("count", [3, BLOCK, BLOCK + 3])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda lineage: replace(lineage, head=replace(lineage.head, id="f" * 64)),
        lambda lineage: replace(lineage, head=replace(lineage.head, digest="f" * 64)),
        lambda lineage: replace(lineage, begun="f" * 64),
    ],
)
def test_another_record_at_the_known_place_is_held(
    log: sqlite3.Connection, count: int, spoil: object
) -> None:
    assert callable(spoil)
    found = judge(filled(log, count + 2), [spoil(known(count))], 9.0)
    assert found.state == "held"
    assert found.told == f"record {count} of the log is not the one that was acknowledged"
    assert found.hint.endswith("or go on without them: spl store accept-loss")


@pytest.mark.parametrize("count", [3, BLOCK])
def test_a_hole_at_the_known_place_is_held(log: sqlite3.Connection, count: int) -> None:
    filled(log, count + 2).execute("DELETE FROM records WHERE sequence = ?", (count,))
    assert judge(log, [known(count)], 9.0).state == "held"


def test_another_log_is_held(log: sqlite3.Connection) -> None:
    found = judge(filled(log, 5, name="log-b-and-more"), [known(3, name="log-a-and-more")], 9.0)
    assert (found.state, found.log) == ("held", "log-b-and-more")
    assert found.told == (
        "this is another log (log-b-an) than the one that was here (log-a-an), which had 3 records"
    )


def test_an_exact_earlier_copy_is_shorter(log: sqlite3.Connection, tmp_path: Path) -> None:
    backup = tmp_path / "hub.db.bak"
    backup.touch()
    lineage = known(5, copied(2), copied(4, str(backup)))
    found = judge(filled(log, 2), [lineage], 9.0)
    assert (found.state, found.log, found.lineage) == ("shorter", "log-a", lineage)
    assert found.loss == Loss(9.0, 5, 2, 2.0, str(backup))
    assert found.told.startswith("3 of 5 records are gone: the log is a copy from before them, and ends at ")
    assert found.hint == f"they are in {backup}: spl stop, then spl backup restore {backup}"


def test_a_loss_that_no_copy_has_is_told_as_that(log: sqlite3.Connection) -> None:
    found = judge(filled(log, 2), [known(5, copied(2), copied(4, "/no/where"), copied(2, "/no/more"))], 9.0)
    assert (found.state, found.hint) == ("shorter", "no known backup has them")
    assert found.loss == Loss(9.0, 5, 2, 2.0, "")


def test_the_fullest_copy_that_is_there_is_named(log: sqlite3.Connection, tmp_path: Path) -> None:
    for name in ("two", "three", "four"):
        (tmp_path / name).touch()
    points = [
        copied(2, str(tmp_path / "two")),
        copied(3, str(tmp_path / "three")),
        copied(4, str(tmp_path / "four")),
        copied(5, str(tmp_path / "gone")),
    ]
    found = judge(filled(log, 2), [known(6, *points)], 9.0)
    assert found.loss is not None
    assert found.loss.backup == str(tmp_path / "four")
    (tmp_path / "four").unlink()
    (tmp_path / "three").unlink()
    found = judge(log, [known(6, *points)], 9.0)
    assert found.loss is not None
    assert found.loss.backup == ""  # that of two has no more than the log


@pytest.mark.parametrize(
    "point",
    [
        Point(2, "", "f" * 64),  # other records
        replace(copied(2), sequence=4),  # its digest, at another place
        Point(2, "", ""),  # a point without a digest proves nothing
    ],
)
def test_a_cut_that_is_no_copy_is_held(log: sqlite3.Connection, point: Point) -> None:
    found = judge(filled(log, 2), [known(5, point)], 9.0)
    assert found.state == "held"
    assert found.told == "3 of 5 records are gone, and no copy was ever made that ends there"
    assert found.hint.startswith("bring the missing records back: see what there is: spl backup list; or")


def test_an_empty_log_is_held(log: sqlite3.Connection) -> None:
    found = judge(filled(log, 0), [known(5, Point(0, "", ""))], 9.0)
    assert (found.state, found.told) == ("held", "the log is empty, and 5 records were known")
    assert found.loss == Loss(9.0, 5, 0, 0.0, "")


def test_any_lineage_that_it_breaks_holds_it(log: sqlite3.Connection) -> None:
    filled(log, 3)
    good, other, longer = known(3), known(3, name="log-b"), known(5, copied(3))
    assert judge(log, [good, other], 9.0).state == "held"
    assert judge(log, [other, good], 9.0).state == "held"
    assert judge(log, [longer, other], 9.0).lineage == other
    assert judge(log, [good, longer], 9.0).state == "continues"
    assert judge(log, [longer, good], 9.0).state == "shorter"


def test_ids_come_in_order_from_a_place_to_a_place(
    log: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_STEP", 3)
    filled(log, 10)
    assert list(ids_after(log, 0)) == [ids(10)[0:3], ids(10)[3:6], ids(10)[6:9], ids(10)[9:]]
    assert list(ids_after(log, 4, 9)) == [ids(10)[4:7], ids(10)[7:9]]
    assert list(ids_after(log, 10)) == []
    whole = running_digest(log)
    assert (whole.sequence, whole.value()) == (10, digest_of(ids(10)))


def test_a_name_replaces_the_one_before(log: sqlite3.Connection) -> None:
    assert log_id(log) == ""
    name_log(log, "one")
    name_log(log, "two")
    assert log_id(log) == "two"
