"""Appends whose connection is lost in the middle: each record is in the log once, and its caller hears so."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import pytest

from syncropel.record.model import Record
from syncropel.store.base import Appended, Outcome, RecordFilter
from syncropel.store.postgres import store as postgres_store
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.store import PostgresStore
from syncropel.store.refusals import LogWentBack, OutcomeUnknown, StoreUnreachable
from tests.cutting_proxy import CuttingProxy, Plan
from tests.postgres_server import Server

Build = Callable[..., Record]
APPEND = b"append_group_v1"
BLOCKED = (
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%append_group%'"
    " AND pid <> pg_backend_pid()"
)


async def until(look: Callable[[], object]) -> None:
    """Wait for what a server or another thread does. The test's own time limit ends it."""
    while not look():  # noqa: ASYNC110 - nobody else can tell
        await asyncio.sleep(0.005)


@pytest.fixture
def proxy(postgres_server: Server) -> Iterator[CuttingProxy]:
    passing = CuttingProxy(postgres_server.port)
    yield passing
    passing.close()


@pytest.fixture
async def store(postgres_url: str, proxy: CuttingProxy) -> AsyncIterator[PostgresStore]:
    """A store behind the proxy."""
    address = replace(read_address(postgres_url), ports=(str(proxy.port),))
    opened = await PostgresStore.open(address, clock=lambda: 7.0, did="did:one")
    opened._writer.share = lambda: 0.0
    yield opened
    await opened.close()


class Diary:
    """Appends one record after the other, and knows what was promised about each."""

    def __init__(self, store: PostgresStore, record: Build) -> None:
        self.store = store
        self._record = record
        self.told: list[list[Outcome]] = []
        self.sent = 0

    async def append(self) -> None:
        """Append one new record and one that is in the log already, and see to the answers."""
        self.sent += 1
        new = self._record(self.sent)
        old = self._record(1, clock=0)
        first, second = await self.store.append([new, old] if self.sent > 1 else [new, new], self.told.append)
        assert isinstance(first, Appended)
        assert isinstance(second, Appended)
        if self.sent > 1:
            assert (first.created, first.stored.sequence) == (True, self.sent + 1)
            assert (second.created, second.stored.sequence) == (False, 1)

    async def check(self) -> None:
        """The log has each record once, in order, and each caller was told once."""
        found = await self.store.query(RecordFilter(limit=10_000))
        assert [one.sequence for one in found] == [*range(1, self.sent + 2)]
        assert [one.record.body["n"] for one in found] == [1, *range(1, self.sent + 1)]
        assert len(self.told) == self.sent
        assert all(len(one) == 2 for one in self.told)
        assert self.store.count == self.sent + 1


@pytest.fixture
async def diary(store: PostgresStore, record: Build) -> Diary:
    begun = Diary(store, record)
    await begun.append()
    return begun


async def test_a_request_cut_at_any_byte_is_one_record(diary: Diary, proxy: CuttingProxy) -> None:
    proxy.plan(Plan(APPEND, request=0))
    await diary.append()
    for passed in range(1, proxy.requests[0] + 1):
        proxy.plan(Plan(APPEND, request=passed))
        await diary.append()
        assert proxy.sprung.is_set()
    await diary.check()


async def test_an_answer_cut_at_any_byte_is_one_record(diary: Diary, proxy: CuttingProxy) -> None:
    """Also after its last byte: then it was heard, and the next append finds its connection gone."""
    for passed in range(10_000):
        proxy.plan(Plan(APPEND, answer=passed))
        await diary.append()
        if not proxy.sprung.is_set():
            assert passed > 100
            break
    await diary.check()


@pytest.mark.parametrize("plan", [Plan(APPEND, request=0), Plan(APPEND, request=90), Plan(APPEND, answer=0)])
async def test_a_connection_that_nobody_ends_is_ended_by_the_deadline(
    diary: Diary, proxy: CuttingProxy, plan: Plan
) -> None:
    diary.store._writer.deadline_secs = 0.3
    proxy.plan(replace(plan, cut=False))
    await diary.append()
    assert proxy.sprung.is_set()
    await diary.append()
    await diary.check()


async def test_ten_callers_share_a_group_whose_answer_is_lost(
    diary: Diary, proxy: CuttingProxy, record: Build
) -> None:
    proxy.plan(Plan(APPEND, answer=3))
    answers = await asyncio.gather(*(diary.store.append([record(n, thread="th_b")]) for n in range(10)))
    appended = [one for answer in answers for one in answer if isinstance(one, Appended)]
    assert [one.created for one in appended] == [True] * 10
    assert sorted(one.stored.sequence for one in appended) == [*range(3, 13)]
    assert [one.stored.record.clock for one in appended] == [*range(10)]
    assert len(await diary.store.thread("th_b")) == 10


async def test_reads_find_a_new_connection(diary: Diary, proxy: CuttingProxy) -> None:
    for _ in range(3):
        await diary.check()
        assert len(diary.store.thread_through("th_a", 9)) == diary.sent + 1
        proxy.cut_all()
    await diary.append()
    await diary.check()


async def test_a_session_that_the_server_ends_is_an_unknown_outcome(
    diary: Diary, postgres_server: Server, record: Build
) -> None:
    """Its append waits for the lock of the head: whether it still gets it, nobody can know."""
    with psycopg.connect(postgres_server.url()) as other:
        other.execute("SELECT FROM syncropel.log_head FOR UPDATE")
        waiting = asyncio.create_task(diary.append())
        await until(lambda: postgres_server.execute(BLOCKED))
        postgres_server.execute(f"SELECT pg_terminate_backend(pid) FROM ({BLOCKED}) AS one")
        other.rollback()
        await waiting
    await diary.append()
    await diary.check()


async def test_a_commit_that_may_not_be_on_the_standby_is_not_answered(
    diary: Diary, postgres_server: Server
) -> None:
    """Somebody cancels the wait for a standby: the server says COMMIT, with a warning. The answer comes with
    the next commit that the standby has."""
    postgres_server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    postgres_server.execute("SELECT pg_reload_conf()")
    waits = (
        "SELECT pid, query_start FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep' AND query LIKE '%append_group%' AND pid <> pg_backend_pid()"
    )
    seen: list[Any] = []

    def another() -> bool:
        assert not waiting.done(), "it was answered without a standby"
        found = postgres_server.execute(waits)
        return bool(found) and found[0] not in seen

    try:
        waiting = asyncio.create_task(diary.append())
        for _ in range(2):
            await until(another)
            seen += postgres_server.execute(waits)
            postgres_server.execute(f"SELECT pg_cancel_backend({seen[-1][0]})")
        await until(another)
    finally:
        postgres_server.execute("ALTER SYSTEM RESET synchronous_standby_names")
        postgres_server.execute("SELECT pg_reload_conf()")
    await waiting
    await diary.check()


async def test_while_nobody_knows_nothing_else_is_taken_and_all_hear_why(
    store: PostgresStore, proxy: CuttingProxy, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr(store._group, "_patience", 0.3)
    proxy.plan(Plan(APPEND, answer=0))
    proxy_refuses = asyncio.to_thread(proxy.sprung.wait, 30)
    sending = asyncio.create_task(store.append([record(1)], heard.append))
    await proxy_refuses
    proxy.refusing = True
    proxy.cut_all()
    # Either it was settled before the proxy refused, or its caller hears that nobody knows.
    try:
        await sending
    except OutcomeUnknown:
        assert heard == []
        with pytest.raises(StoreUnreachable, match="nothing was written"):
            await store.append([record(2)])
    proxy.refusing = False
    await until(lambda: heard)
    assert [one.created for one in heard[0]] == [True]
    await until(lambda: store.unsettled is None)
    [after] = await store.append([record(3)])
    assert isinstance(after, Appended)
    assert after.stored.sequence == 2


async def test_a_database_that_is_gone_is_said_at_once(
    store: PostgresStore, proxy: CuttingProxy, record: Build
) -> None:
    proxy.refusing = True
    proxy.cut_all()
    with pytest.raises(StoreUnreachable, match="cannot reach"):
        await store.append([record(1)])
    assert store.unsettled is None
    proxy.refusing = False
    [after] = await store.append([record(1)])
    assert isinstance(after, Appended)
    assert (after.stored.sequence, after.stored.record.clock) == (1, 0)


async def test_a_log_that_went_back_takes_nothing_more(
    diary: Diary, postgres_server: Server, proxy: CuttingProxy
) -> None:
    """As after a failover to a standby that was behind."""
    await diary.append()
    postgres_server.execute("DELETE FROM syncropel.records WHERE sequence >= 3")
    postgres_server.execute("UPDATE syncropel.log_head SET last = 2")
    proxy.cut_all()
    with pytest.raises(LogWentBack, match="had confirmed record 3, and ends at record 2"):
        await diary.append()
    assert isinstance(diary.store.replaced, LogWentBack)
    assert "accept-loss" in diary.store.replaced.hint
    assert postgres_server.execute("SELECT last FROM syncropel.log_head") == [(2,)]


async def test_a_log_that_went_back_without_a_word_is_noticed_at_the_next_append(
    diary: Diary, postgres_server: Server
) -> None:
    """As behind a pooler, which finds another server while this connection stays."""
    await diary.append()
    postgres_server.execute("DELETE FROM syncropel.records WHERE sequence >= 3")
    postgres_server.execute("UPDATE syncropel.log_head SET last = 2")
    with pytest.raises(LogWentBack):
        await diary.append()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
async def test_a_server_that_is_restarted_under_load_loses_nothing_that_was_answered(
    own_server: Server, record: Build, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_store, "PATIENCE_SECS", 60.0)
    store = await PostgresStore.open(read_address(own_server.url()), clock=lambda: 7.0)
    answered: dict[str, int] = {}
    stop = asyncio.Event()

    async def caller(number: int) -> None:
        n = 0
        while not stop.is_set():
            n += 1
            try:
                [one] = await store.append([record(n, thread=f"th_{number}", clock=n)])
            except StoreUnreachable:
                n -= 1  # nothing was written: the very same record goes again
                await asyncio.sleep(0.02)
                continue
            assert isinstance(one, Appended)
            assert one.created
            answered[one.stored.record.id] = one.stored.sequence

    callers = [asyncio.create_task(caller(number)) for number in range(8)]
    for _ in range(3):
        await until(partial(_longer, answered, len(answered) + 100))
        await asyncio.to_thread(own_server.stop, how)
        await asyncio.to_thread(own_server.start)
    stop.set()
    await asyncio.gather(*callers)
    found = {one.record.id: one.sequence async for chunk in store.scan() for one in chunk}
    assert found == answered
    assert sorted(found.values()) == [*range(1, len(found) + 1)]
    await store.close()


def _longer(answered: dict[str, int], than: int) -> bool:
    return len(answered) > than
