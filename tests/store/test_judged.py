"""What a store notes of each append, and what it refuses because the log went on after it was judged."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from syncropel.record.model import Record
from syncropel.record.threads import (
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
    RULING,
)
from syncropel.store.base import Entry, Judged, Outcome, RecordStore
from syncropel.store.refusals import Moved
from syncropel.store.sqlite.store import SqliteStore

from .conftest import TickingClock

Build = Callable[..., Record]


async def noted(store: RecordStore) -> list[tuple[int, int | None]]:
    """The term and the `ruled` of each record."""
    return [(one.term, one.ruled) for some in [some async for some in store.entries()] for one in some]


async def test_each_record_keeps_how_it_was_judged(store: RecordStore, record: Build) -> None:
    await store.append([record(0), record(1)], judged=Judged(1, 0))
    await store.append([record(2, thread=FLEET_CONTROL)], judged=Judged(1, 0))
    await store.append([record(3)], judged=Judged(2, 3))
    await store.append([record(4, thread=NAMESPACE_REGISTRY)], judged=Judged(2, 3))
    await store.append([record(5), record(6, thread=INSTANCE_REGISTRY)], judged=Judged(2, 5))
    assert await noted(store) == [(1, 0), (1, 0), (1, 0), (2, 3), (2, 3), (2, 5), (2, 5)]


async def test_entries_are_the_records_of_the_log(store: RecordStore, record: Build) -> None:
    await store.append([record(n) for n in range(5)], judged=Judged(1, 0))
    found: list[list[Entry]] = [some async for some in store.entries(after=1, chunk=3)]
    assert [[one.stored for one in some] for some in found] == [some async for some in store.scan(1, 3)]
    assert [len(some) for some in found] == [3, 1]


@pytest.mark.parametrize("thread", sorted(RULING))
async def test_what_was_judged_before_a_ruling_record_is_refused_behind_it(
    store: RecordStore, record: Build, thread: str
) -> None:
    await store.append([record(0, thread=thread)], judged=Judged(1, 0))
    heard: list[Sequence[Outcome]] = []
    with pytest.raises(Moved, match="record 1 rules over others, and these were judged after record 0"):
        await store.append([record(1), record(2)], heard.append, Judged(1, 0))
    assert (heard, store.count) == ([[]], 1)
    await store.append([record(1)], heard.append, Judged(1, 1))
    assert await noted(store) == [(1, 0), (1, 1)]


@pytest.mark.parametrize("thread", [INSTANCE_REGISTRY, "th_a"])
async def test_other_threads_rule_over_nobody(store: RecordStore, record: Build, thread: str) -> None:
    await store.append([record(0, thread=thread)], judged=Judged(1, 0))
    await store.append([record(1)], judged=Judged(1, 0))
    assert store.count == 2


async def test_a_record_that_was_there_already_rules_over_nothing_new(
    store: RecordStore, record: Build
) -> None:
    freeze = record(0, thread=FLEET_CONTROL, clock=3)
    await store.append([freeze], judged=Judged(1, 0))
    await store.append([record(1)], judged=Judged(1, 1))
    await store.append([freeze], judged=Judged(1, 1))
    await store.append([record(2)], judged=Judged(1, 1))
    assert await noted(store) == [(1, 0), (1, 1), (1, 1)]


async def test_ruling_records_come_last_in_a_call(store: RecordStore, record: Build) -> None:
    rules = [record(n, thread=ENGINE_CONFIG) for n in (1, 2, 3)]
    await store.append([record(0), *rules], judged=Judged(1, 0))
    assert await noted(store) == [(1, 0), (1, 0), (1, 2), (1, 3)]
    with pytest.raises(Moved, match="judged together with others behind it"):
        await store.append([record(4, thread=ENGINE_CONFIG), record(5)], judged=Judged(1, 4))
    assert store.count == 4


async def test_a_lower_term_is_refused(store: RecordStore, record: Build) -> None:
    await store.append([record(0)], judged=Judged(3, 0))
    with pytest.raises(Moved, match="the log is in term 3, and these were judged in term 2"):
        await store.append([record(1)], judged=Judged(2, 0))
    await store.append([record(2)], judged=Judged(4, 0))
    assert await noted(store) == [(3, 0), (4, 0)]


async def test_what_was_not_written_begins_no_term(store: RecordStore, record: Build) -> None:
    await store.append([record(0, clock=1)], judged=Judged(1, 0))
    await store.append([record(0, clock=1), record(1, clock=1)], judged=Judged(2, 0))
    await store.append([record(2)], judged=Judged(1, 0))
    assert await noted(store) == [(1, 0), (1, 0)]


async def test_what_nobody_judged_goes_in_without_saying_so(store: RecordStore, record: Build) -> None:
    await store.append([record(0)])
    await store.append([record(1, thread=FLEET_CONTROL)], judged=Judged(4, 0))
    await store.append([record(2), record(3, thread=FLEET_CONTROL), record(4)])
    await store.append([record(5)], judged=Judged(4, 4))
    assert await noted(store) == [(1, None), (4, 0), (4, None), (4, None), (4, None), (4, 4)]


async def test_restored_history_was_judged_elsewhere(store: RecordStore, record: Build) -> None:
    await store.append([record(0)], judged=Judged(2, 0))
    history = [record(n, clock=n, thread=thread) for n, thread in enumerate([FLEET_CONTROL, "th_b"], 5)]
    await store.restore([(one.identified(), 1.0) for one in history], lambda _: True, lambda _: None)
    with pytest.raises(Moved):
        await store.append([record(1)], judged=Judged(2, 0))
    await store.append([record(1)], judged=Judged(2, 2))
    assert await noted(store) == [(2, 0), (2, None), (2, None), (2, 2)]


async def test_a_restore_that_is_not_kept_moves_nothing(store: RecordStore, record: Build) -> None:
    history = [(record(5, clock=5, thread=FLEET_CONTROL).identified(), 1.0)]
    await store.restore(history, lambda _: False, lambda _: None)
    await store.append([record(0)], judged=Judged(1, 0))
    assert await noted(store) == [(1, 0)]


async def test_within_a_commit_each_call_is_compared_with_those_before_it(
    sqlite_store: SqliteStore, record: Build
) -> None:
    """They share a commit: the first one occupies the writer."""
    calls = [
        ([record(0)], Judged(1, 0)),
        ([record(1)], Judged(1, 0)),
        ([record(2, thread=FLEET_CONTROL)], Judged(1, 0)),
        ([record(3)], Judged(1, 0)),
        ([record(4)], Judged(1, 3)),
        ([record(5)], Judged(2, 3)),
        ([record(6)], Judged(1, 3)),
        ([record(7)], Judged(2, 3)),
    ]
    waiting = [sqlite_store.append(records, judged=judged) for records, judged in calls]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) is Moved for one in answers] == [n in (3, 6) for n in range(8)]
    assert sqlite_store.commits < len(calls)
    assert await noted(sqlite_store) == [(1, 0), (1, 0), (1, 0), (1, 3), (2, 3), (2, 3)]
    clocks = [stored.record.clock for stored in await sqlite_store.thread("th_a")]
    assert clocks == list(range(5)), "a refused call takes no clock"


async def test_a_log_goes_on_after_its_newest_ruling_record(
    sqlite_store: SqliteStore, clock: TickingClock, record: Build
) -> None:
    await sqlite_store.append([record(0, thread=FLEET_CONTROL)], judged=Judged(1, 0))
    await sqlite_store.append([record(1)], judged=Judged(7, 1))
    await sqlite_store.close()
    again = await SqliteStore.open(sqlite_store.path, clock=clock)
    try:
        for stale in (Judged(7, 0), Judged(6, 1)):
            with pytest.raises(Moved):
                await again.append([record(2)], judged=stale)
        await again.append([record(2)], judged=Judged(7, 1))
        assert again.count == 3
    finally:
        await again.close()
