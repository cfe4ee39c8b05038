"""A batch is written to the views whole or not at all, and an error leaves a connection that can go on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from syncropel.store.views.batch import ActorRow, Batch, ForkRow, ThreadRow
from syncropel.store.views.writing import write


@pytest.fixture
def views(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "views.db", isolation_level=None)) as connection:
        connection.executescript(files("syncropel.store").joinpath("sql/views.sql").read_text())
        yield connection


def row(first: int, thread: str, last: int, line: str = "{}") -> ThreadRow:
    return ThreadRow(first, thread, last, line, False, False)


def contents(views: sqlite3.Connection) -> dict[str, list[Any]]:
    tables = ("threads", "stale", "spawned", "forked", "runs", "starts", "unreported", "actors", "meta")
    return {table: views.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


FIRST = Batch(
    5,
    [row(1, "th_a", 4)],
    stale=["th_a"],
    spawned=[("th_c", "th_a")],
    forked=[ForkRow("th_d", "th_a", 2, "r2")],
    runs=[("i1", "th_c", "th_r")],
    starts=[("i1", 3), ("i2", 4)],
    unreported=[("r1", "th_c")],
    actors=[ActorRow("did:a", 1, 2.0, 3, 2, 1)],
    state='{"threads":1}',
)


def test_a_batch_is_there_with_its_position(views: sqlite3.Connection) -> None:
    write(views, FIRST, "id5")
    found = contents(views)
    assert dict(found["meta"]) == {"position": "5", "at_record": "id5", "state": '{"threads":1}'}
    assert [one[:4] for one in found["threads"]] == [(1, "th_a", 4, "{}")]
    assert (found["stale"], found["starts"]) == ([("th_a",)], [("i1", 3), ("i2", 4)])
    assert (found["unreported"], found["runs"]) == ([("r1", "th_c")], [("i1", "th_c", "th_r")])
    assert (found["spawned"], found["forked"]) == ([("th_c", "th_a")], [("th_d", "th_a", 2, "r2")])
    assert found["actors"] == [("did:a", 1, 2.0, 3, 2, 1)]
    assert not views.in_transaction


def test_what_is_over_goes_and_what_is_known_changes(views: sqlite3.Connection) -> None:
    write(views, FIRST, "id5")
    changed = [row(1, "th_a", 9, '{"x":1}'), row(6, "th_b", 6)]
    write(views, Batch(9, changed, settled=["i1"], reported=["r1"], starts=[("i2", 4)]), "id9")
    found = contents(views)
    assert [one[:4] for one in found["threads"]] == [(1, "th_a", 9, '{"x":1}'), (6, "th_b", 6, "{}")]
    assert (found["stale"], found["starts"], found["unreported"]) == ([], [("i2", 4)], [])


def _too_few_values(views: sqlite3.Connection) -> Batch:
    return Batch(9, [row(6, "th_b", 6)], actors=[("did:b",)])  # type: ignore[list-item]


def _a_full_disk(views: sqlite3.Connection) -> Batch:
    (pages,) = views.execute("PRAGMA page_count").fetchone()
    views.execute(f"PRAGMA max_page_count = {pages}")
    return Batch(9, [row(6, "th_b", 6, "x" * 100_000)], stale=["th_b"])


def _a_write_that_rolled_back_by_itself(views: sqlite3.Connection) -> Batch:
    views.execute(
        "CREATE TEMP TRIGGER gone BEFORE INSERT ON main.actors BEGIN SELECT RAISE(ROLLBACK, 'the disk'); END"
    )
    return Batch(9, [row(6, "th_b", 6)], actors=[ActorRow("did:b", 1, 2.0, 3, 2, 1)])


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        (_too_few_values, "bindings"),
        (_a_full_disk, "full"),
        (_a_write_that_rolled_back_by_itself, "the disk"),
    ],
)
def test_what_fails_leaves_all_as_it_was_and_says_why(
    views: sqlite3.Connection, fails: Callable[[sqlite3.Connection], Batch], told: str
) -> None:
    write(views, FIRST, "id5")
    before = contents(views)
    with pytest.raises(sqlite3.Error, match=told):
        write(views, fails(views), "id9")
    assert not views.in_transaction
    assert contents(views) == before
    views.execute("PRAGMA max_page_count = 100000")
    write(views, Batch(7, [row(6, "th_b", 6)]), "id7")
    assert dict(contents(views)["meta"])["position"] == "7"
