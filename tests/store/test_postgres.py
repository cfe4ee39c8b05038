"""What only a log in PostgreSQL does: texts that it cannot store, one process at a time, what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.errors import StoreError, StoreTooNew
from syncropel.record.model import MAX_CLOCK, Record, record_id
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended, Judged, Outcome, RecordFilter
from syncropel.store.postgres import lease, restore_journal
from syncropel.store.postgres.address import read_address
from syncropel.store.postgres.connection import Session
from syncropel.store.postgres.lease import Holder
from syncropel.store.postgres.rows import held, released
from syncropel.store.postgres.store import PostgresStore
from syncropel.store.refusals import Moved, StoreReplaced
from syncropel.store.walks import Needed, Walk
from tests.postgres_server import Server

from .conftest import TickingClock

Build = Callable[..., Record]


@pytest.fixture
async def opened(postgres_url: str, clock: TickingClock) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(read_address(postgres_url), clock=clock, did="did:one")
    yield store
    await store.close()


def only(outcomes: list[Outcome]) -> Appended:
    (outcome,) = outcomes
    assert isinstance(outcome, Appended), outcome
    return outcome


@given(st.text(st.sampled_from("\0\\0a")))
def test_a_text_without_nul_stands_for_one_with(text: str) -> None:
    assert "\0" not in held(text)
    assert released(held(text)) == text


async def test_texts_with_nul_are_kept_and_found(opened: PostgresStore, record: Build) -> None:
    """No name from outside has one, but any topic may, and so may the texts of a body."""
    body = {"topic": "a\0b\\0", "te\0xt": "\0\x1f\\u0000"}
    sent = record(thread="th\0", actor="did:\\a\0", body=body)
    stored = only(await opened.append([sent])).stored
    assert record_id(stored.record) == stored.record.id
    assert await opened.get(stored.record.id) == stored
    assert await opened.thread("th\0") == [stored]
    assert opened.thread_through("th\0", 1) == [stored]
    for found in (
        RecordFilter(topic="a\0b\\0"),
        RecordFilter(actor="did:\\a\0"),
        RecordFilter(thread="th\0"),
        RecordFilter(without="th"),
    ):
        assert await opened.query(found) == [stored]
    assert await opened.query(RecordFilter(topic="a")) == []
    assert await opened.altered_after(0, 10) == (1, [])
    assert only(await opened.append([sent])).stored.record.clock == 1


async def test_what_no_text_can_be_is_found_nowhere(opened: PostgresStore, record: Build) -> None:
    stored = only(await opened.append([record()])).stored
    lone = "\ud800"
    assert await opened.thread(lone) == opened.thread_through(lone, 9) == []
    assert await opened.query(RecordFilter(topic=lone)) == await opened.query(RecordFilter(thread=lone)) == []
    assert await opened.query(RecordFilter(without=lone)) == [stored]
    assert await opened.acknowledged([lone]) == set()
    for strange in ("", "ab", "A" * 64, "z" * 64, lone):
        assert await opened.get(strange) is None
    seen: list[int] = []
    for needed in (Needed(texts=("\0",)), Needed(texts=(lone,)), Needed(columns=(("actor", lone),))):
        walk = Walk(needed=needed)
        assert await opened.walk(walk, lambda one: not seen.append(one.sequence), _no, _no) is None
    assert seen == []
    assert await opened.length(Walk(thread=lone)) == 0


def _no() -> bool:
    return False


async def test_numbers_beyond_the_database_s_are_no_error(opened: PostgresStore, record: Build) -> None:
    stored = only(await opened.append([record()])).stored
    assert await opened.query(RecordFilter(since=10**30)) == []
    assert await opened.query(RecordFilter(since=-(10**30), limit=10**30)) == [stored]
    assert await opened.at([1, 10**30, -(10**30), MAX_CLOCK]) == [stored]
    assert opened.thread_through("th_a", 10**30) == [stored]


async def test_records_outlive_the_store(postgres_url: str, clock: TickingClock, record: Build) -> None:
    address = read_address(postgres_url)
    first = await PostgresStore.open(address, clock=clock)
    await first.append([record(n) for n in range(3)])
    await first.acknowledge(["a"])
    before = await first.query(RecordFilter())
    await first.close()
    second = await PostgresStore.open(address, clock=clock)
    assert (second.log_id, second.count) == (first.log_id, 3)
    assert await second.query(RecordFilter()) == before
    assert await second.acknowledged(["a", "b"]) == {"a"}
    assert only(await second.append([record(3)])).stored.record.clock == 3
    await second.close()


async def test_callers_share_commits(opened: PostgresStore, record: Build) -> None:
    await asyncio.gather(*(opened.append([record(n)]) for n in range(200)))
    assert opened.count == 200
    assert opened.commits < 20


async def test_nothing_of_a_group_comes_behind_a_ruling_record_that_it_did_not_know(
    opened: PostgresStore, record: Build
) -> None:
    judged = Judged(1, 0)
    freeze = record(thread=FLEET_CONTROL, act="LEARN")
    calls = [[record(1)], [freeze], [record(2, thread="th_b")]]
    first, ruling, late = await asyncio.gather(
        *(opened.append(call, judged=judged) for call in calls), return_exceptions=True
    )
    assert isinstance(first, list)
    assert isinstance(ruling, list)
    assert isinstance(late, Moved)
    sequence = only(ruling).stored.sequence
    assert only(await opened.append(calls[2], judged=Judged(1, sequence))).created
    noted = [(one.term, one.ruled) async for chunk in opened.entries() for one in chunk]
    assert noted == [(1, 0), (1, 0), (1, 2)]


async def test_another_process_is_refused_by_name_while_the_first_one_lives(
    opened: PostgresStore, postgres_url: str, clock: TickingClock
) -> None:
    with pytest.raises(StoreError, match=r"another daemon has the log at .*: did:one at .*PID") as caught:
        await PostgresStore.open(read_address(postgres_url), clock=clock, did="did:two")
    assert "[store] url" in caught.value.hint


async def test_who_was_replaced_writes_nothing_more(
    opened: PostgresStore, postgres_url: str, postgres_server: Server, clock: TickingClock, record: Build
) -> None:
    """As a daemon that stood still for longer than its lease."""
    await opened.append([record(1)])
    postgres_server.execute("UPDATE syncropel.log_head SET until = now() - interval '1s'")
    second = await PostgresStore.open(read_address(postgres_url), clock=clock, did="did:two")
    with pytest.raises(StoreReplaced, match=r"another process appends to .*did:two"):
        await opened.append([record(2)])
    assert isinstance(opened.replaced, StoreReplaced)
    with pytest.raises(StoreReplaced):
        await opened.append([record(2)])
    assert only(await second.append([record(3)])).stored.sequence == 2
    await opened.close()  # which does not end the lease of the other one
    with pytest.raises(StoreError, match="did:two"):
        await PostgresStore.open(read_address(postgres_url), clock=clock, did="did:three")
    await second.close()


async def test_a_process_that_died_is_waited_for(postgres_url: str, clock: TickingClock) -> None:
    address = read_address(postgres_url)
    await (await PostgresStore.open(address, clock=clock)).close()
    dead = Session(address, writes=True)
    dead.log.execute("SELECT FROM syncropel.lead_v1(1, 'did:dead', 'x', 'host a, PID 1', 0.7)")
    dead.close()
    heard: list[str] = []
    second = await PostgresStore.open(address, clock=clock, did="did:two", waiting=heard.append)
    assert heard == ["waiting up to 1 s for the lease of did:dead at host a, PID 1 to end"]
    await second.close()


async def test_who_finds_out_first_is_the_lease(
    postgres_url: str,
    postgres_server: Server,
    clock: TickingClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "RENEWED_EVERY_SECS", 0.05)
    store = await PostgresStore.open(read_address(postgres_url), clock=clock, did="did:one")
    postgres_server.execute("UPDATE syncropel.log_head SET incarnation = 'x', leader = 'did:two'")
    for _ in range(200):
        if store.replaced is not None:
            break
        await asyncio.sleep(0.05)
    assert store.replaced is not None
    assert "did:two" in store.replaced.message
    await store.close()


async def test_a_log_may_keep_earlier_releases_out(
    opened: PostgresStore, postgres_url: str, postgres_server: Server, clock: TickingClock, record: Build
) -> None:
    postgres_server.execute("UPDATE syncropel.log_head SET protocol = 2")
    with pytest.raises(StoreTooNew, match="protocol 2"):
        await opened.append([record()])
    with pytest.raises(StoreTooNew, match="protocol 2"):
        await PostgresStore.open(read_address(postgres_url), clock=clock)


async def test_a_restore_that_was_interrupted_is_finished_at_the_next_start(
    postgres_url: str, clock: TickingClock, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = read_address(postgres_url)
    store = await PostgresStore.open(address, clock=clock)
    promised = [(record(n, clock=n, body={"n": n, "topic": "a\0"}).identified(), 5.5 + n) for n in range(7)]
    await store._journal.promise(promised)
    with pytest.raises(StoreError, match="another restore"):
        await store.restore(promised, lambda _: True, lambda _: None)
    await store.close()
    monkeypatch.setattr(restore_journal, "STEP", 3)
    store = await PostgresStore.open(address, clock=clock)
    found = await store.query(RecordFilter())
    assert [(one.record, one.received_at) for one in found] == promised
    assert not await store._journal.waiting()
    await store.close()


async def test_an_altered_record_is_told_until_it_is_accepted(
    opened: PostgresStore, postgres_server: Server, record: Build
) -> None:
    await opened.append([record(n) for n in range(3)])
    postgres_server.execute("UPDATE syncropel.records SET body = '{\"n\":7}' WHERE sequence = 2")
    looked_at, altered = await opened.altered_after(0, 10)
    assert (looked_at, [one.sequence for one in altered]) == (3, [2])
    await opened.accept_altered(altered)
    assert await opened.altered_after(0, 10) == (3, [])


async def test_a_record_moved_to_another_place_is_no_trap_for_those_behind_it(
    opened: PostgresStore, postgres_server: Server, record: Build
) -> None:
    """A tampered row: its id is taken though its clock is free. One call must not fail for all."""
    first = only(await opened.append([record(0)])).stored
    postgres_server.execute("UPDATE syncropel.records SET thread = 'elsewhere'")
    again, other = await opened.append([first.record, record(1, clock=5)])
    assert isinstance(again, Appended)
    assert isinstance(other, Appended)
    assert (again.created, other.created) == (False, True)


async def test_a_home_knows_when_its_log_is_another_or_went_back(
    postgres_url: str, postgres_server: Server, clock: TickingClock, record: Build, tmp_path: Path
) -> None:
    address, known = read_address(postgres_url), tmp_path / "known"
    store = await PostgresStore.open(address, clock=clock, known=known)
    await store.append([record(n) for n in range(3)])
    await store.close()
    postgres_server.execute("DELETE FROM syncropel.records WHERE sequence = 3")
    postgres_server.execute("UPDATE syncropel.log_head SET last = 2")
    store = await PostgresStore.open(address, clock=clock, known=known)
    assert store.hold is not None
    assert "it had confirmed record 3, and ends at record 2" in store.hold.told
    with pytest.raises(StoreError, match="lost records"):
        await store.append([record(7)])
    assert only(await store.append([record(thread=FLEET_CONTROL)])).created
    await store.accept_loss()
    assert only(await store.append([record(8)])).stored.sequence == 4
    await store.close()
    postgres_server.execute("UPDATE syncropel.log_head SET log_id = gen_random_uuid()")
    store = await PostgresStore.open(address, clock=clock, known=known)
    assert store.hold is not None
    assert "another log" in store.hold.told
    await store.close()


async def test_a_role_with_a_time_limit_is_no_obstacle(
    postgres_url: str, postgres_server: Server, clock: TickingClock, record: Build
) -> None:
    postgres_server.execute("CREATE ROLE hasty LOGIN SUPERUSER")
    try:
        postgres_server.execute("ALTER ROLE hasty SET statement_timeout = '50ms'")
        postgres_server.execute("ALTER ROLE hasty SET synchronous_commit = 'off'")
        store = await PostgresStore.open(replace(read_address(postgres_url), user="hasty"), clock=clock)
        assert only(await store.append([record()])).created
        await store.close()
    finally:
        postgres_server.execute("DROP OWNED BY hasty")
        postgres_server.execute("DROP ROLE hasty")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("statement_timeout = '9s'", "statement_timeout is 9s"),
        ("default_transaction_isolation = 'repeatable read'", "transaction_isolation is repeatable read"),
    ],
)
async def test_what_somebody_between_sets_is_refused(
    opened: PostgresStore, record: Build, setting: str, words: str
) -> None:
    """As a pooler that gives the session another server, with the settings of its role."""
    await opened._writer._connection.run(lambda session: session.log.execute(f"SET {setting}"))
    with pytest.raises(StoreError, match=words):
        await opened.append([record()])
    assert opened.count == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"database": "nowhere"}, "no such database"),
        ({"user": "nobody"}, "does not know the user"),
        ({"ports": ("1",)}, "cannot reach"),
    ],
)
async def test_a_server_that_lets_nobody_in_says_why(
    postgres_url: str, clock: TickingClock, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        await PostgresStore.open(replace(read_address(postgres_url), **change), clock=clock)
    assert caught.value.hint


async def test_a_database_without_unicode_is_refused(postgres_server: Server, clock: TickingClock) -> None:
    postgres_server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoding LATIN1"):
        await PostgresStore.open(read_address(postgres_server.url("latin")), clock=clock)
    postgres_server.execute("DROP DATABASE latin")


async def test_a_lease_is_not_given_to_two_that_ask_at_once(postgres_url: str) -> None:
    address = read_address(postgres_url)
    await (await PostgresStore.open(address, clock=lambda: 0.0)).close()

    def asked(name: str) -> bool:
        session = Session(address, writes=True)
        try:
            row = session.log.execute(
                "SELECT mine FROM syncropel.lead_v1(1, %s, %s, '', 10)", (name, name)
            ).fetchone()
            return row is not None and bool(row[0])
        finally:
            session.close()

    answers = await asyncio.gather(*(asyncio.to_thread(asked, f"did:{n}") for n in range(5)))
    assert sorted(answers) == [False] * 4 + [True]


def test_a_holder_says_where_it_runs() -> None:
    assert "PID" in Holder("did:a", "x").address


async def test_an_error_of_ours_reaches_only_its_own_group(
    opened: PostgresStore, record: Build, postgres_server: Server
) -> None:
    postgres_server.execute("ALTER TABLE syncropel.records ADD CONSTRAINT small CHECK (length(body) < 100)")
    with pytest.raises(StoreError, match="small"):
        await opened.append([record(body={"n": "x" * 200})])
    assert only(await opened.append([record(2)])).stored.sequence == 1
    assert psycopg.errors.CheckViolation.sqlstate == "23514"
