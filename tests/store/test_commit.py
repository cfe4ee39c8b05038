"""One commit: clocks, ids, and outcomes of a group of calls, over a real table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import BadRequest, IngestFailed
from syncropel.record.model import MAX_CLOCK, Record
from syncropel.record.threads import FLEET_CONTROL, clock_ceiling
from syncropel.store.base import Appended, Outcome
from syncropel.store.calls import Call
from syncropel.store.head import Head
from syncropel.store.refusals import Moved
from syncropel.store.sqlite.commit import commit, insert
from syncropel.store.sqlite.schema import prepare


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        prepare(connection, Path("/nowhere/hub.db"))
        yield connection


def some(n: int, thread: str = "th_a", **fields: Any) -> Record:
    """A record as the store takes it in: with a clock it has its id, too."""
    record = Record(**{"thread": thread, "actor": "did:a", "act": "DO", "body": {"n": n}, **fields})
    return record if record.clock is None else record.identified()


def told(outcomes: list[Outcome] | Moved) -> list[Any]:
    """Of each: sequence, clock, and whether it is new; or the error's class."""
    assert not isinstance(outcomes, Moved)
    return [
        (one.stored.sequence, one.stored.record.clock, one.created)
        if isinstance(one, Appended)
        else type(one)
        for one in outcomes
    ]


def rows(log: sqlite3.Connection) -> list[tuple[int, str, int, float]]:
    return log.execute(
        "SELECT sequence, thread, clock, received_at FROM records ORDER BY sequence"
    ).fetchall()


def test_clocks_go_on_within_a_group_and_from_the_log(log: sqlite3.Connection) -> None:
    done = commit(log, [Call([some(0), some(1, "th_b")], 5.0), Call([some(2)], 6.0)], Head())
    assert [told(one) for one in done.outcomes] == [[(1, 0, True), (2, 0, True)], [(3, 1, True)]]
    assert rows(log) == [(1, "th_a", 0, 5.0), (2, "th_b", 0, 5.0), (3, "th_a", 1, 6.0)]
    assert done.head.last == 3
    assert list(done.ids) == [row[0] for row in log.execute("SELECT id FROM records ORDER BY sequence")]
    done = commit(log, [Call([some(3), some(4, clock=9), some(5), some(6, clock=3), some(7)], 7.0)], Head(3))
    assert [told(one) for one in done.outcomes] == [
        [(4, 2, True), (5, 9, True), (6, 10, True), (7, 3, True), (8, 11, True)]
    ]
    assert not log.in_transaction


def test_each_record_may_have_a_time_of_its_own(log: sqlite3.Connection) -> None:
    commit(log, [Call([some(0), some(1)], 5.0, times=(1.5, 2.5)), Call([some(2)], 6.0)], Head())
    assert [row[3] for row in rows(log)] == [1.5, 2.5, 6.0]


def test_errors_keep_their_places(log: sqlite3.Connection) -> None:
    error = BadRequest("no")
    done = commit(log, [Call([error, some(0), error], 5.0), Call([error], 5.0), Call([some(1)], 5.0)], Head())
    assert [told(one) for one in done.outcomes] == [
        [BadRequest, (1, 0, True), BadRequest],
        [BadRequest],
        [(2, 1, True)],
    ]
    assert (done.head.last, len(done.ids)) == (2, 2)


def test_what_is_there_already_is_not_new(log: sqlite3.Connection) -> None:
    first = commit(log, [Call([some(0, clock=0)], 5.0)], Head())
    again = commit(log, [Call([some(0, clock=0), some(1), some(0, clock=0)], 6.0)], Head(1))
    assert told(again.outcomes[0]) == [(1, 0, False), (2, 1, True), (1, 0, False)]
    (outcomes,) = again.outcomes
    assert not isinstance(outcomes, Moved)
    kept = outcomes[0]
    assert isinstance(kept, Appended)
    assert kept.stored.received_at == 5.0
    assert (again.head.last, len(again.ids)) == (2, 1)
    assert first.ids[0] not in again.ids


def test_the_first_of_twins_is_new(log: sqlite3.Connection) -> None:
    done = commit(log, [Call([some(0, clock=4), some(0, clock=4)], 5.0)], Head())
    assert told(done.outcomes[0]) == [(1, 4, True), (1, 4, False)]
    assert (done.head.last, len(done.ids)) == (1, 1)


def test_the_word_of_who_judged_stays_that_of_the_first(log: sqlite3.Connection) -> None:
    commit(log, [Call([some(0, clock=0, judged_by="did:first")], 5.0)], Head())
    (outcomes,) = commit(log, [Call([some(0, clock=0, judged_by="did:second")], 5.0)], Head(1)).outcomes
    assert not isinstance(outcomes, Moved)
    (again,) = outcomes
    assert isinstance(again, Appended)
    assert (again.created, again.stored.record.judged_by) == (False, "did:first")


def test_a_taken_clock_is_refused_and_the_others_go_in(log: sqlite3.Connection) -> None:
    done = commit(log, [Call([some(0, clock=4), some(1, clock=4), some(2)], 5.0)], Head())
    assert told(done.outcomes[0]) == [(1, 4, True), IngestFailed, (2, 5, True)]
    assert [row[2] for row in rows(log)] == [4, 5]
    assert done.head.last == 2


def test_a_clock_above_the_ceiling_counts_for_nothing(log: sqlite3.Connection) -> None:
    ceiling = clock_ceiling("th_a")
    commit(log, [Call([some(0, clock=MAX_CLOCK)], 5.0)], Head())
    done = commit(log, [Call([some(1), some(2, clock=ceiling), some(3)], 5.0)], Head(1))
    assert told(done.outcomes[0]) == [(2, 0, True), (3, ceiling, True), IngestFailed]
    assert told(commit(log, [Call([some(4)], 5.0)], Head(3)).outcomes[0]) == [IngestFailed]


def test_reserved_threads_follow_the_time(log: sqlite3.Connection) -> None:
    one = some(0, FLEET_CONTROL, body={"topic": "x"})
    done = commit(log, [Call([one, one], 5.0), Call([one], 7.0)], Head())
    assert [told(each) for each in done.outcomes] == [[(1, 5000, True), (2, 5001, True)], [(3, 7000, True)]]


def test_an_error_of_the_disk_leaves_nothing(log: sqlite3.Connection) -> None:
    log.execute("DROP TABLE acknowledged")
    with pytest.raises(sqlite3.Error, match="acknowledged"):
        commit(log, [Call([some(0)], 5.0, acknowledged=("a",))], Head())
    assert (rows(log), log.in_transaction) == ([], False)
    commit(log, [Call([some(0)], 5.0)], Head())
    assert len(rows(log)) == 1


def test_an_error_that_rolled_back_by_itself_is_passed_on(log: sqlite3.Connection) -> None:
    log.execute(
        "CREATE TRIGGER full AFTER INSERT ON records BEGIN SELECT raise(ROLLBACK, 'the disk is full'); END"
    )
    with pytest.raises(sqlite3.Error, match="the disk is full"):
        commit(log, [Call([some(0)], 5.0)], Head())
    assert not log.in_transaction


def test_acknowledgements_share_the_commit(log: sqlite3.Connection) -> None:
    commit(log, [Call([], 5.0, acknowledged=("a", "b")), Call([some(0)], 5.0, acknowledged=("b",))], Head())
    commit(log, [Call([], 5.0, acknowledged=("a", "c"))], Head(1))
    assert sorted(row[0] for row in log.execute("SELECT * FROM acknowledged")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("count", "inserts"),
    [
        (1, 1),
        (2, 1),
        (3, 1),
        (32, 1),
        (33, 2),
        (63, 2),
        (64, 1),
        (127, 3),
        (128, 1),
        (129, 2),
        (255, 4),
        (300, 4),
    ],
)
def test_every_number_of_records_goes_in_once(log: sqlite3.Connection, count: int, inserts: int) -> None:
    records = [(some(n, clock=n).identified(), float(n), 1, None) for n in range(count)]
    statements: list[str] = []
    log.set_trace_callback(statements.append)
    results = insert(log, records, 7)
    log.set_trace_callback(None)
    assert told(results) == [(n + 8, n, True) for n in range(count)]
    assert [row[3] for row in rows(log)] == [float(n) for n in range(count)]
    assert len(statements) == inserts
