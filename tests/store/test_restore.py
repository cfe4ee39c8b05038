"""Restoring into a log: with the times of the log it came from, and all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable

from syncropel.errors import IngestFailed
from syncropel.record import Record
from syncropel.store.base import Appended, Outcome, RecordFilter, RecordStore

Build = Callable[..., Record]


def whole(outcomes: list[Outcome]) -> bool:
    return all(isinstance(outcome, Appended) for outcome in outcomes)


async def everything(store: RecordStore) -> list[tuple[int, str, float]]:
    return [
        (stored.sequence, stored.record.id, stored.received_at)
        async for chunk in store.scan()
        for stored in chunk
    ]


async def test_restored_records_keep_their_times_and_their_order(store: RecordStore, record: Build) -> None:
    await store.append([record(0, thread="th_b")])
    old = [(record(n, clock=n).identified(), 1000.5 + n) for n in range(300)]
    outcomes = await store.restore(old, whole)
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
    found = await store.restore(again, whole)
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
    outcomes = await store.restore(arrived, whole)
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
    outcomes = await store.restore(arrived, lambda _: True)
    assert [isinstance(one, Appended) for one in outcomes] == [False, True]
    found = await store.query(RecordFilter(since=1))
    assert [stored.record.body["n"] for stored in found] == [1]
