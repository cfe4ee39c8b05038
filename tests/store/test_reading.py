"""Reading from any record store: what comes back and in which order."""

from collections.abc import Callable, Sequence

import pytest

from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import RecordFilter, RecordStore

Build = Callable[..., Record]


def numbers(found: Sequence[StoredRecord]) -> list[int]:
    return [stored.record.body["n"] for stored in found]


async def test_a_new_store_is_empty(store: RecordStore) -> None:
    assert (store.count, store.last_sequence) == (0, 0)
    assert await store.get("0" * 64) is None
    assert await store.query(RecordFilter()) == []
    assert await store.thread("th_a") == []
    assert [chunk async for chunk in store.scan()] == []
    assert await store.append([]) == []


async def test_scan_goes_in_order_and_in_chunks(store: RecordStore, record: Build) -> None:
    await store.append([record(n, thread=f"th_{n % 3}") for n in range(10)])
    assert [numbers(chunk) async for chunk in store.scan(chunk=4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [numbers(chunk) async for chunk in store.scan(after=7)] == [[7, 8, 9]]
    assert [chunk async for chunk in store.scan(after=10)] == []


async def test_scan_sees_what_came_while_it_ran(store: RecordStore, record: Build) -> None:
    await store.append([record(0), record(1)])
    seen = []
    async for chunk in store.scan(chunk=1):
        seen += numbers(chunk)
        if seen == [0]:
            await store.append([record(2)])
    assert seen == [0, 1, 2]


async def test_a_thread_is_read_by_clock_then_arrival(store: RecordStore, record: Build) -> None:
    await store.append(
        [record(1, clock=5), record(2, clock=1, actor="did:z"), record(3, clock=1), record(4, thread="th_b")]
    )
    assert numbers(await store.thread("th_a")) == [2, 3, 1]
    assert numbers(await store.query(RecordFilter(thread="th_a"))) == [2, 3, 1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RecordFilter(), [0, 1, 2, 3, 4, 5]),
        (RecordFilter(limit=2), [0, 1]),
        (RecordFilter(limit=0), []),
        (RecordFilter(since=4), [4, 5]),
        (RecordFilter(since=4, limit=1), [4]),
        (RecordFilter(actor="did:b"), [1, 3, 5]),
        (RecordFilter(act="KNOW"), [4, 5]),
        (RecordFilter(act="KNOW", actor="did:b"), [5]),
        (RecordFilter(topic="hot"), [2, 5]),
        (RecordFilter(topic=""), [0, 1, 3, 4]),
        (RecordFilter(topic="hot", since=3), [5]),
        (RecordFilter(thread="th_b"), [5, 4, 3]),
        (RecordFilter(thread="th_b", since=97), [4, 3]),
        (RecordFilter(thread="th_b", since=97, limit=1), [4]),
        (RecordFilter(thread="th_b", act="KNOW"), [5, 4]),
        (RecordFilter(thread="th_b", topic="hot", actor="did:b"), [5]),
        (RecordFilter(thread="nothing"), []),
    ],
)
async def test_a_query_combines_its_conditions(
    store: RecordStore, record: Build, wanted: RecordFilter, expected: list[int]
) -> None:
    topics = {2: {"topic": "hot"}, 5: {"kind": "hot"}}
    await store.append(
        [
            record(
                actor="did:b" if n % 2 else "did:a",
                act="KNOW" if n > 3 else "DO",
                thread="th_b" if n > 2 else "th_a",
                clock=102 - n,
                body={"n": n, **topics.get(n, {})},
            )
            for n in range(6)
        ]
    )
    assert numbers(await store.query(wanted)) == expected


async def test_received_at_is_when_the_call_came(store: RecordStore, record: Build) -> None:
    await store.append([record(0), record(1)])
    await store.append([record(2)])
    assert [stored.received_at - 1_700_000_000 for stored in await store.query(RecordFilter())] == [0, 0, 1]


async def test_acknowledged_ids_are_kept_as_a_set(store: RecordStore) -> None:
    assert await store.acknowledged(["a"]) == set()
    await store.acknowledge(["a", "b"])
    await store.acknowledge(["b", "c"])
    await store.acknowledge([])
    assert await store.acknowledged(["a", "b", "c", "d"]) == {"a", "b", "c"}
    assert await store.acknowledged(["c", "d"]) == {"c"}
    assert store.count == 0


async def test_a_checkpoint_changes_nothing_that_can_be_seen(store: RecordStore, record: Build) -> None:
    await store.append([record(1)])
    await store.checkpoint()
    assert numbers(await store.thread("th_a")) == [1]
