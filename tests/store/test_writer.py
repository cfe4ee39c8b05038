"""The writer over a disk of the test's own: which calls share a commit, and what each caller hears of it."""

from __future__ import annotations

import asyncio
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from syncropel.errors import StoreError
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Outcome
from syncropel.store.calls import Call, Committed
from syncropel.store.head import Head
from syncropel.store.sqlite import writer as writing
from syncropel.store.sqlite.commit import commit
from syncropel.store.sqlite.schema import prepare
from syncropel.store.sqlite.writer import Writer

PATH = Path("/nowhere/hub.db")
T = TypeVar("T")


def failure(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("it failed")
    error.sqlite_errorcode = code
    return error


FULL = failure(sqlite3.SQLITE_FULL)
BUSY = failure(sqlite3.SQLITE_BUSY)


def call(size: int = 1, thread: str = "th_a") -> Call:
    return Call([Record(thread, "did:a", "DO", {})] * size, 1.0)


class Disk:
    """A connection that takes commits only while it is `open`, and fails with what stands in `fails`."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.fails: list[Exception] = []
        self.groups: list[list[int]] = []
        """How many records each call of each commit had."""
        self.lasts: list[int] = []
        """The last sequence that each commit, also one that failed, was told."""
        self.jobs = 0
        self.busy = 0
        self.statements: list[str] = []
        self.closed = False
        # Whichever thread collects it closes it.
        self._sql = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._sql.close)

    async def run(self, job: Callable[[Any], T]) -> T:
        assert not self.closed
        self.busy += 1
        assert self.busy == 1, "one commit at a time"
        try:
            self.jobs += 1
            await self.open.wait()
            return job(self)
        finally:
            self.busy -= 1

    def commit(self, connection: object, calls: Sequence[Call], head: Head) -> Committed:
        assert connection is self
        self.lasts.append(head.last)
        if self.fails:
            raise self.fails.pop(0)
        self.groups.append([len(one.records) for one in calls])
        # Whatever it did with them: an outcome is told by the number of its group and its place in it.
        outcomes: Any = [[(len(self.groups), at)] for at in range(len(calls))]
        return Committed(outcomes, Head(head.last + sum(self.groups[-1])))

    def execute(self, statement: str) -> sqlite3.Cursor:
        self.statements.append(statement)
        if self.fails:
            raise self.fails.pop(0)
        return self._sql.execute("SELECT 1")

    async def close(self) -> None:
        self.closed = True


class Parts:
    """A reserve of so many parts."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.fills = 0

    def fill(self) -> None:
        self.fills += 1

    def give(self) -> bool:
        self.left -= 1
        return self.left >= 0


class Desk:
    """A writer, its disk, and callers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reserve: Any = None) -> None:
        self.disk = Disk()
        connection: Any = self.disk
        self.writer = Writer(connection, PATH, Head(7), reserve)
        self.heard: list[Any] = []
        """What each caller's `settled` was told, in order."""
        monkeypatch.setattr(writing, "commit", self.disk.commit)

    def ask(self, *calls: Call) -> list[asyncio.Task[list[Outcome]]]:
        return [asyncio.create_task(self.writer.submit(one, self.heard.append)) for one in calls]

    async def behind(self, *calls: Call) -> list[asyncio.Task[list[Outcome]]]:
        """Callers that come while a commit of one record is under way, which goes on after that."""
        self.disk.open.clear()
        first = self.ask(call())
        await turns()
        rest = self.ask(*calls)
        await turns()
        self.disk.open.set()
        return first + rest


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


async def turns() -> None:
    """Let everybody go on who can."""
    for _ in range(5):
        await asyncio.sleep(0)


def drain() -> asyncio.Task[Any]:
    [task] = [task for task in asyncio.all_tasks() if task.get_name() == "store-writer"]
    return task


async def test_a_caller_gets_the_outcomes_of_its_own_call(desk: Desk) -> None:
    assert (desk.writer.last_sequence, desk.writer.commits) == (7, 0)
    answers = await asyncio.gather(*desk.ask(call(2), call(3)))
    assert answers == desk.heard == [[(1, 0)], [(1, 1)]]
    assert (desk.disk.groups, desk.disk.lasts) == ([[2, 3]], [7])
    assert (desk.writer.last_sequence, desk.writer.commits) == (12, 1)
    assert await desk.writer.submit(call()) == [(2, 0)]
    assert (desk.disk.lasts, desk.writer.last_sequence, desk.writer.commits) == ([7, 12], 13, 2)


@pytest.mark.parametrize(
    ("behind", "groups"),
    [
        ([], []),
        ([1, 1, 1], [[1, 1, 1]]),
        ([1000, 1000, 1], [[1000, 1000], [1]]),
        ([1999, 1, 1], [[1999, 1], [1]]),
        ([1, 1000, 1000, 1], [[1, 1000], [1000, 1]]),
        ([1500, 600, 100], [[1500], [600, 100]]),
        ([5000, 1], [[5000], [1]]),
        ([1, 5000], [[1], [5000]]),
        ([0, 2000, 0, 1], [[0, 2000, 0], [1]]),
    ],
)
async def test_who_comes_during_a_commit_shares_the_next(
    desk: Desk, behind: list[int], groups: list[list[int]]
) -> None:
    """At most 2,000 records share one, unless a single call has more; nobody overtakes."""
    await asyncio.gather(*await desk.behind(*map(call, behind)))
    assert desk.disk.groups == [[1], *groups]
    assert desk.disk.jobs == desk.writer.commits == 1 + len(groups)
    assert desk.heard == [
        [(group, at)] for group, ones in enumerate(desk.disk.groups, 1) for at in range(len(ones))
    ]


async def test_who_writes_goes_away_when_nobody_is_left(desk: Desk) -> None:
    desk.disk.open.clear()
    [caller] = desk.ask(call())
    await turns()
    task = drain()
    desk.disk.open.set()
    await caller
    await asyncio.wait([task])
    assert task.exception() is None


async def test_who_gave_up_waiting_is_written_all_the_same(desk: Desk) -> None:
    _, cancelled, other = callers = await desk.behind(call(2), call(3))
    cancelled.cancel()
    assert (await asyncio.gather(*callers, return_exceptions=True))[2] == [(2, 1)]
    assert desk.disk.groups == [[1], [2, 3]]
    assert desk.heard == [[(1, 0)], [(2, 0)], [(2, 1)]]
    assert cancelled.cancelled()
    assert other.done()


async def test_a_disk_that_refuses_is_told_to_all_of_the_group_and_to_nobody_else(desk: Desk) -> None:
    desk.disk.fails = [FULL]
    callers = await desk.behind(call())
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], StoreError)
    assert "no room left for /nowhere/hub.db" in answers[0].message
    assert answers[1] == [(1, 0)]
    assert desk.heard == [[], [(1, 0)]]
    assert (desk.disk.lasts, desk.writer.last_sequence, desk.writer.commits) == ([7, 7], 8, 1)


@pytest.mark.parametrize(("error", "told"), [(BUSY, StoreError), (KeyError("a mistake of ours"), KeyError)])
async def test_who_gave_up_waiting_keeps_nobody_from_hearing_of_a_failure(
    desk: Desk, error: Exception, told: type[Exception]
) -> None:
    desk.disk.open.clear()
    cancelled, other = desk.ask(call(), call())
    await turns()
    cancelled.cancel()
    desk.disk.fails = [error]
    desk.disk.open.set()
    with pytest.raises(told):
        await other
    assert desk.heard == [[], []]
    assert await desk.writer.submit(call()) == [(1, 0)]


async def test_a_writer_that_is_cancelled_answers_all_and_writes_nothing_late(desk: Desk) -> None:
    desk.disk.open.clear()
    callers = desk.ask(call())
    await turns()
    callers += desk.ask(call(), call())
    await turns()
    drain().cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(one) for one in answers] == [asyncio.CancelledError] * 3
    assert desk.heard == [[], [], []]
    desk.disk.open.set()
    assert await desk.writer.submit(call(5)) == [(1, 0)]
    assert desk.disk.groups == [[5]], "what was answered with nothing is not written"


async def test_a_control_record_is_given_the_reserve_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(3)
    desk = Desk(monkeypatch, parts)
    desk.disk.fails = [FULL, FULL]
    assert await desk.writer.submit(call(1, FLEET_CONTROL)) == [(1, 0)]
    assert (parts.left, desk.disk.lasts) == (1, [7, 7, 7])
    desk.disk.fails = [FULL, FULL]
    with pytest.raises(StoreError, match="no room left"):
        await desk.writer.submit(call(1, FLEET_CONTROL))
    assert (parts.left, desk.disk.fails) == (-1, [])


@pytest.mark.parametrize(
    ("error", "thread", "held"), [(FULL, "th_a", 3), (BUSY, FLEET_CONTROL, 3), (FULL, FLEET_CONTROL, None)]
)
async def test_nothing_of_the_reserve_is_given(
    monkeypatch: pytest.MonkeyPatch, error: Exception, thread: str, held: int | None
) -> None:
    """To an ordinary record, for another failure, or where there is no reserve."""
    parts = None if held is None else Parts(held)
    desk = Desk(monkeypatch, parts)
    desk.disk.fails = [error]
    with pytest.raises(StoreError):
        await desk.writer.submit(call(1, thread))
    assert desk.disk.lasts == [7]
    assert parts is None or parts.left == held


async def test_a_checkpoint_fills_the_reserve_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(1)
    desk = Desk(monkeypatch, parts)
    await desk.writer.checkpoint()
    assert (desk.disk.statements, parts.fills) == (["PRAGMA wal_checkpoint(PASSIVE)"], 1)
    desk.disk.fails = [BUSY]
    with pytest.raises(StoreError, match="locked"):
        await desk.writer.checkpoint()
    assert parts.fills == 1


async def test_a_checkpoint_without_a_reserve_is_one_job(desk: Desk) -> None:
    await desk.writer.checkpoint()
    assert desk.disk.jobs == 1


async def test_closing_writes_what_is_queued_and_then_closes(desk: Desk) -> None:
    callers = await desk.behind(call(2), call(3))
    await desk.writer.close()
    assert await asyncio.gather(*callers) == [[(1, 0)], [(2, 0)], [(2, 1)]]
    assert desk.disk.groups == [[1], [2, 3]]
    assert desk.disk.statements == ["PRAGMA wal_checkpoint(TRUNCATE)"]
    assert desk.disk.closed


async def test_a_checkpoint_that_fails_keeps_nothing_open(desk: Desk) -> None:
    desk.disk.fails = [BUSY]
    with pytest.raises(StoreError, match="locked"):
        await desk.writer.close()
    assert desk.disk.closed


class Log:
    """A connection to a log of so many records."""

    def __init__(self, records: int) -> None:
        self.sql = sqlite3.connect(":memory:", isolation_level=None)
        prepare(self.sql, PATH)
        commit(
            self.sql, [Call([Record("th_a", "did:a", "DO", {"n": n}) for n in range(records)], 0.0)], Head()
        )

    async def run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        return job(self.sql)


@pytest.mark.parametrize("records", [0, 1, 5])
async def test_it_goes_on_where_the_log_ends(records: int) -> None:
    log: Any = Log(records)
    parts: Any = Parts(1)
    opened = await Writer.start(log, PATH, parts)
    assert (opened.last_sequence, opened.commits, parts.fills) == (records, 0, 1)
    log.sql.close()
