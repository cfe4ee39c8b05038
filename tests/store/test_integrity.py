"""A walk through a whole log: every record is looked at once, and what is wrong is named by its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncropel.errors import StoreCorrupt
from syncropel.record.model import Record
from syncropel.store.base import Altered
from syncropel.store.calls import Call
from syncropel.store.head import Head
from syncropel.store.lineage.digest import digest_of
from syncropel.store.lineage.lineage import Point
from syncropel.store.sqlite import integrity
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.integrity import Walked, altered_rows, hash_of, walk, walk_records
from syncropel.store.sqlite.rows import COLUMNS
from syncropel.store.sqlite.schema import prepare

PATH = Path("/nowhere/hub.db")


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    """Ten records, received at 1, 2, 3, …"""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        prepare(connection, PATH)
        records = [Record("th_a", "did:a", "DO", {"n": n}) for n in range(10)]
        commit(connection, [Call(records, 0.0, times=tuple(float(n) for n in range(1, 11)))], Head())
        yield connection


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "CHUNK", 4)


def ids_of(log: sqlite3.Connection) -> list[str]:
    return [row[0] for row in log.execute("SELECT id FROM records ORDER BY sequence")]


def row(log: sqlite3.Connection, sequence: int) -> tuple[object, ...]:
    found: tuple[object, ...] = log.execute(
        f"SELECT {COLUMNS} FROM records WHERE sequence = ?", (sequence,)
    ).fetchone()
    return found


def test_a_sound_log_is_read_to_its_end(log: sqlite3.Connection) -> None:
    pauses: list[int] = []
    walked = walk(log, PATH, pause=pauses.append)
    ids = ids_of(log)
    assert walked == Walked(Point(10, ids[-1], digest_of(ids), 10.0))
    assert (walked.problem, pauses) == ("", [4, 8, 10])


def test_an_empty_log_is_sound(log: sqlite3.Connection) -> None:
    log.execute("DELETE FROM records")
    assert walk(log, PATH) == Walked()


@pytest.mark.parametrize("wanted", [(), (1,), (4,), (3, 4, 5), (10,), (9, 2, 2), (0, -1, 7), (11,), (5, 40)])
def test_digests_are_those_of_the_places_that_are_wanted(
    log: sqlite3.Connection, wanted: tuple[int, ...]
) -> None:
    ids = ids_of(log)
    walked = walk_records(log, wanted=wanted)
    assert walked.digests == {one: digest_of(ids[:one]) for one in wanted if 0 < one <= 10}
    assert (walked.end.sequence, walked.end.digest) == (10, digest_of(ids))


@pytest.mark.parametrize("gone", [(1,), (4,), (5,), (2, 3), (3, 8)])
def test_missing_records_are_named(log: sqlite3.Connection, gone: tuple[int, ...]) -> None:
    log.execute(f"DELETE FROM records WHERE sequence IN ({', '.join(map(str, gone))})")
    walked = walk_records(log)
    starts = [one for one in gone if one - 1 not in gone]
    assert walked.gaps == starts
    assert (walked.end.sequence, walked.problem) == (10, f"record {gone[0]} is missing")
    with pytest.raises(StoreCorrupt, match=f"record {gone[0]} is missing"):
        walk(log, PATH)


def test_a_gap_at_a_wanted_place_has_no_digest(log: sqlite3.Connection) -> None:
    log.execute("DELETE FROM records WHERE sequence = 4")
    assert set(walk_records(log, wanted=(3, 4, 6)).digests) == {3, 6}


@pytest.mark.parametrize("sequence", [1, 4, 5, 10])
def test_altered_records_are_named(log: sqlite3.Connection, sequence: int) -> None:
    log.execute("UPDATE records SET body = '{\"n\":77}' WHERE sequence = ?", (sequence,))
    walked = walk_records(log)
    id_ = ids_of(log)[sequence - 1]
    (one,) = walked.altered
    assert one == Altered(sequence, id_, "th_a", hash_of(row(log, sequence)))
    assert one.found != id_
    told = f"record {sequence} ({id_[:12]}…) was altered: it does not hash to its id"
    assert walked.problem == told
    with pytest.raises(StoreCorrupt) as caught:
        walk(log, PATH)
    assert told in caught.value.message
    assert walk(log, PATH, accepted=[one.found]).problem == ""
    assert walk_records(log, accepted=[one.found]).altered == []
    assert altered_rows([row(log, sequence)], ["f" * 64]) == [one]


def test_a_gap_is_told_before_what_is_altered(log: sqlite3.Connection) -> None:
    log.execute("UPDATE records SET body = '{}' WHERE sequence = 2")
    log.execute("DELETE FROM records WHERE sequence = 5")
    assert walk_records(log).problem == "record 5 is missing"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("topic = 'freeze'", "its topic is '', not 'freeze'"),
        ("body = 'junk'", "no record: "),
        ("body = 7", "no record: "),
        ("parents = '7'", "no record: "),
        ("clock = -1", ""),
        ("actor = 'did:b'", ""),
    ],
)
def test_a_hash_or_why_there_is_none(log: sqlite3.Connection, change: str, told: str) -> None:
    assert hash_of(row(log, 2)) == ids_of(log)[1]
    log.execute(f"UPDATE records SET {change} WHERE sequence = 2")
    now = hash_of(row(log, 2))
    assert now.startswith(told)
    assert now != ids_of(log)[1]
    assert [one.sequence for one in walk_records(log).altered] == [2]


def test_a_walk_ends_when_its_pause_says_so(log: sqlite3.Connection) -> None:
    class Enough(Exception):
        pass

    def pause(_: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        walk(log, PATH, pause=pause)


def test_pages_are_checked_first(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        prepare(log, path)
        commit(log, [Call([Record("th_a", "did:a", "DO", {"n": n}) for n in range(200)], 0.0)], Head())
        log.execute("PRAGMA writable_schema = ON")
        log.execute("UPDATE sqlite_schema SET sql = replace(sql, 'thread', 'actor') WHERE type = 'index'")
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as log,
        pytest.raises((StoreCorrupt, sqlite3.Error)),
    ):
        walk(log, path)
    with closing(sqlite3.connect(":memory:")) as other, pytest.raises(StoreCorrupt, match="another program"):
        walk(other, path)
