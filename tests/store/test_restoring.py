"""How a restore into a log goes: what it foresees, in which steps it writes, and what a failure leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from syncropel.errors import IngestFailed, StoreError
from syncropel.record.model import Record
from syncropel.store import restoring
from syncropel.store.base import Appended, Outcome, Settled
from syncropel.store.calls import Call
from syncropel.store.head import Head
from syncropel.store.refusals import Moved
from syncropel.store.restoring import Known, Timed, restore
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.restoring import look_up
from syncropel.store.sqlite.schema import prepare


def some(n: int, clock: int | None = None, **fields: Any) -> Record:
    whole = {"thread": "th_a", "actor": "did:a", "act": "DO", "body": {"n": n}, **fields}
    return Record(**whole, clock=n if clock is None else clock).identified()


class Journal:
    def __init__(self) -> None:
        self.promised: list[list[Timed]] = []
        self.fulfilled_after: list[int] = []

    async def promise(self, records: Sequence[Timed]) -> None:
        self.promised.append(list(records))

    async def fulfilled(self) -> None:
        self.fulfilled_after.append(len(self.promised))


class Bench:
    """A log of three records, and everything that a restore asks for."""

    def __init__(self, log: sqlite3.Connection) -> None:
        self.log = log
        self.head = commit(log, [Call([some(0), some(1, judged_by="did:j"), some(2)], 7.0)], Head()).head
        self.journal = Journal()
        self.calls: list[Call] = []
        self.arrived: list[list[int]] = []
        self.fails_at = 0
        self.seen: list[Outcome] = []
        self.keeps = True

    async def look_up(self, records: Sequence[Record]) -> tuple[Known, set[int]]:
        return look_up(self.log, records)

    async def submit(self, call: Call, settled: Settled | None) -> list[Outcome]:
        self.calls.append(call)
        if len(self.calls) == self.fails_at:
            raise StoreError("the disk is full", "make room")
        done = commit(self.log, [call], self.head)
        self.head = done.head
        assert settled is not None
        (outcomes,) = done.outcomes
        assert not isinstance(outcomes, Moved)
        settled(outcomes)
        return outcomes

    def keep(self, outcomes: list[Outcome]) -> bool:
        self.seen = list(outcomes)
        return self.keeps

    async def restore(self, *records: Timed) -> list[Outcome]:
        def arrived(stored: Any) -> None:
            self.arrived.append([one.sequence for one in stored])

        return await restore(records, self.keep, arrived, self.journal, self.look_up, self.submit)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as log:
        prepare(log, Path("/nowhere/hub.db"))
        yield Bench(log)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "STEP", 2)
    monkeypatch.setattr(restoring, "LOOK", 3)


def told(outcomes: list[Outcome]) -> list[Any]:
    return [
        (one.stored.sequence, one.stored.received_at, one.created) if isinstance(one, Appended) else type(one)
        for one in outcomes
    ]


async def test_each_outcome_is_known_before_anything_is_written(bench: Bench) -> None:
    bench.keeps = False
    records = [
        (some(1), 1.0),  # in the log
        (some(9, clock=2), 2.0),  # its clock is taken there
        (some(9, clock=2, actor="did:b"), 2.5),  # by another actor: no collision
        (some(3), 3.0),
        (some(3), 4.0),  # a twin
        (some(8, clock=3), 5.0),  # its clock is taken by one before it
        (some(4), 6.0),
        (some(2, thread="th_b"), 6.5),
    ]
    found = await bench.restore(*records)
    assert found == bench.seen
    assert told(found) == [
        (2, 7.0, False),
        IngestFailed,
        (0, 2.5, True),
        (0, 3.0, True),
        (0, 4.0, False),
        IngestFailed,
        (0, 6.0, True),
        (0, 6.5, True),
    ]
    known = found[0]
    assert isinstance(known, Appended)
    assert known.stored.record.judged_by == "did:j"
    assert (bench.calls, bench.journal.promised, bench.journal.fulfilled_after) == ([], [], [])


async def test_what_is_new_is_promised_and_written_in_steps(bench: Bench) -> None:
    records = [(some(n), float(n) + 0.5) for n in range(1, 8)]
    found = await bench.restore(*records)
    assert told(found) == [(2, 7.0, False), (3, 7.0, False), *((n + 1, n + 0.5, True) for n in range(3, 8))]
    assert bench.journal.promised == [records[2:]]
    assert bench.journal.fulfilled_after == [1]
    assert [len(call.records) for call in bench.calls] == [2, 2, 1]
    assert bench.arrived == [[4, 5], [6, 7], [8]]
    times = [row[0] for row in bench.log.execute("SELECT received_at FROM records ORDER BY sequence")]
    assert times[3:] == [3.5, 4.5, 5.5, 6.5, 7.5]


async def test_nothing_new_is_nothing_to_promise(bench: Bench) -> None:
    assert told(await bench.restore((some(1), 1.0))) == [(2, 7.0, False)]
    assert (bench.journal.promised, bench.journal.fulfilled_after, bench.calls) == ([], [], [])


async def test_a_disk_that_refuses_says_that_part_is_in_the_log(bench: Bench) -> None:
    bench.fails_at = 2
    with pytest.raises(StoreError) as caught:
        await bench.restore(*((some(n), 0.5) for n in range(3, 8)))
    assert caught.value.message == "the disk is full; part of what was restored is in the log"
    assert caught.value.hint == "make room; the rest goes in when the daemon starts again"
    assert bench.arrived == [[4, 5]]
    assert bench.journal.fulfilled_after == []


async def test_one_that_collides_after_all_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def keep(outcomes: list[Outcome]) -> bool:  # another writer is faster
        bench.head = commit(bench.log, [Call([some(99, clock=3)], 0.0)], bench.head).head
        return True

    bench.keep = keep  # type: ignore[method-assign]
    found = await bench.restore((some(3), 0.5), (some(4), 0.5))
    assert told(found) == [IngestFailed, (5, 0.5, True)]
    assert bench.arrived == [[5]]
    (logged,) = caplog.records
    assert "a restored record was refused after all: DuplicateClock" in logged.getMessage()
    assert bench.journal.fulfilled_after == [1]


async def test_one_that_came_meanwhile_is_no_arrival(bench: Bench) -> None:
    """Another writer had it first: who waits for arrivals has heard of it from there."""

    def keep(outcomes: list[Outcome]) -> bool:
        bench.head = commit(bench.log, [Call([some(3)], 9.0)], bench.head).head
        return True

    bench.keep = keep  # type: ignore[method-assign]
    found = await bench.restore((some(3), 0.5), (some(4), 0.5))
    assert told(found) == [(4, 9.0, False), (5, 0.5, True)]
    assert bench.arrived == [[5]]
