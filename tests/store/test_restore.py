"""Restoring into a log: with the times of the log it came from, and all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncropel.errors import IngestFailed, StoreError
from syncropel.record.model import Record, StoredRecord
from syncropel.store import restoring
from syncropel.store.base import Appended, Outcome, RecordFilter, RecordStore
from syncropel.store.sqlite.restore_journal import RestoreJournal
from syncropel.store.sqlite.store import SqliteStore

Build = Callable[..., Record]


def whole(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Appended) for outcome in outcomes)


def unheard(_: list[StoredRecord]) -> None:
    """For who wants to hear of nothing."""


async def everything(store: RecordStore) -> list[tuple[int, str, float]]:
    return [
        (stored.sequence, stored.record.id, stored.received_at)
        async for chunk in store.scan()
        for stored in chunk
    ]


async def test_restored_records_keep_their_times_and_their_order(store: RecordStore, record: Build) -> None:
    await store.append([record(0, thread="th_b")])
    old = [(record(n, clock=n).identified(), 1000.5 + n) for n in range(300)]
    outcomes = await store.restore(old, whole, unheard)
    assert [(one.created, one.stored.sequence) for one in outcomes if isinstance(one, Appended)] == [
        (True, n + 2) for n in range(300)
    ]
    assert (await everything(store))[1:] == [(n + 2, one.id, at) for n, (one, at) in enumerate(old)]
    assert (store.count, store.last_sequence) == (301, 301)
    [after] = await store.append([record(9)])
    assert isinstance(after, Appended)
    assert (after.stored.sequence, after.stored.record.clock) == (302, 300)


async def test_what_is_there_already_stays_as_it_is(store: RecordStore, record: Build) -> None:
    [first] = await store.append([record(0, clock=0)])
    assert isinstance(first, Appended)
    again = [(record(0, clock=0).identified(), 5.0), (record(1, clock=1).identified(), 6.0)]
    found = await store.restore(again, whole, unheard)
    assert [isinstance(one, Appended) and one.created for one in found] == [False, True]
    assert found[0] == Appended(first.stored, False)


async def test_nothing_stays_when_it_is_not_to_be_kept(store: RecordStore, record: Build) -> None:
    await store.append([record(0, clock=3), record(5, clock=9, thread="th_b")])
    before = await everything(store)
    arrived = [
        (record(1, clock=4).identified(), 5.0),
        (record(2, clock=3).identified(), 5.0),
        (record(3, clock=0, thread="th_new").identified(), 5.0),
    ]
    outcomes = await store.restore(arrived, whole, unheard)
    assert isinstance(outcomes[1], IngestFailed)
    assert outcomes[1].message.startswith("DuplicateClock")
    assert (await everything(store), store.count) == (before, 2)
    assert await store.thread("th_new") == []
    assert await store.get(arrived[0][0].id) is None
    [new] = await store.append([record(7)])
    assert isinstance(new, Appended)
    assert (new.stored.sequence, new.stored.record.clock) == (3, 4)
    [other] = await store.append([record(7, thread="th_new")])
    assert isinstance(other, Appended)
    assert other.stored.record.clock == 0


async def test_collisions_can_be_passed_over(store: RecordStore, record: Build) -> None:
    await store.append([record(0, clock=3)])
    arrived = [(record(2, clock=3).identified(), 5.0), (record(1, clock=4).identified(), 5.0)]
    outcomes = await store.restore(arrived, lambda _: True, unheard)
    assert [isinstance(one, Appended) for one in outcomes] == [False, True]
    found = await store.query(RecordFilter(since=1))
    assert [stored.record.body["n"] for stored in found] == [1]


async def test_others_append_between_its_commits(
    tmp_path: Path, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "STEP", 2)
    store = await SqliteStore.open(tmp_path / "hub.db", clock=lambda: 1.0)
    others: list[asyncio.Task[list[Outcome]]] = []
    heard: list[int] = []

    def arrived(fresh: list[StoredRecord]) -> None:
        heard.extend(one.sequence for one in fresh)
        others.append(asyncio.ensure_future(store.append([record(0, thread="live")])))

    outcomes = await store.restore(bundle(record, 10), whole, arrived)
    await asyncio.gather(*others)
    mine = [one.stored.sequence for one in outcomes if isinstance(one, Appended)]
    assert heard == mine == sorted(mine)
    assert mine[-1] > 10, "nobody came between"
    assert len(await store.thread("live")) == 5
    await store.close()


def bundle(record: Build, count: int) -> list[tuple[Record, float]]:
    return [(record(n, clock=n, thread="th_a").identified(), 100.5 + n) for n in range(count)]


async def test_what_a_crash_left_out_is_in_the_log_when_it_is_opened_again(
    tmp_path: Path, record: Build
) -> None:
    path, old = tmp_path / "hub.db", bundle(record, 2500)
    store = await SqliteStore.open(path, clock=lambda: 1.0)
    await store.restore(old[:700], whole, unheard)
    await store.close()
    RestoreJournal(path).promise(old)
    store = await SqliteStore.open(path, clock=lambda: 1.0)
    assert [(one, at) for _, one, at in await everything(store)] == [(one.id, at) for one, at in old]
    assert sorted(file.name for file in tmp_path.iterdir() if "arriving" in file.name) == []
    await store.close()


async def test_what_was_not_promised_yet_is_forgotten(tmp_path: Path, record: Build) -> None:
    path = tmp_path / "hub.db"
    begun = tmp_path / "hub.db.arriving.new"
    begun.write_text("[half a rec")
    store = await SqliteStore.open(path, clock=lambda: 1.0)
    assert (store.count, begun.exists()) == (0, False)
    await store.close()


async def test_a_disk_that_refuses_half_way_leaves_the_rest_for_the_next_opening(
    tmp_path: Path, record: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "STEP", 4)
    path, old = tmp_path / "hub.db", bundle(record, 10)
    store = await SqliteStore.open(path, clock=lambda: 1.0)

    def refuse(_: list[StoredRecord]) -> None:
        async def refused(*_: object) -> list[Outcome]:
            raise StoreError("no room left", "free some disk space")

        monkeypatch.setattr(store, "_writer", SimpleNamespace(submit=refused, close=store._writer.close))

    with pytest.raises(StoreError, match="part of what was restored") as told:
        await store.restore(old, whole, refuse)
    assert "when the daemon starts again" in told.value.hint
    with pytest.raises(StoreError, match="not in the log yet"):
        await store.restore(old, whole, unheard)
    await store.close()
    store = await SqliteStore.open(path, clock=lambda: 1.0)
    assert [one for _, one, _ in await everything(store)] == [one.id for one, _ in old]
    await store.close()


async def test_a_promise_that_cannot_be_read_is_told_and_kept(tmp_path: Path) -> None:
    promise = tmp_path / "hub.db.arriving"
    promise.write_text("no rows\n")
    with pytest.raises(StoreError, match=r"hub\.db\.arriving") as told:
        await SqliteStore.open(tmp_path / "hub.db", clock=lambda: 1.0)
    assert "restore its bundle again" in told.value.hint
    promise.unlink()
    store = await SqliteStore.open(tmp_path / "hub.db", clock=lambda: 1.0)
    await store.close()


async def test_twins_within_one_call_collide(store: RecordStore, record: Build) -> None:
    first = record(1, clock=0).identified()
    duplicates = [(first, 5.0), (first, 6.0), (record(2, clock=0).identified(), 7.0)]
    outcomes = await store.restore(duplicates, lambda _: True, unheard)
    assert [isinstance(one, Appended) and one.created for one in outcomes] == [True, False, False]
    assert isinstance(outcomes[2], IngestFailed)
    assert len(await everything(store)) == 1
