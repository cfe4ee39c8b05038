"""Watchers are told, and never waited for."""

from __future__ import annotations

import asyncio

import pytest

from syncropel.engine.ingest.broadcast import Broadcast, ChangeSignal
from syncropel.record.model import StoredRecord
from tests.folds.build import record, store


def some(count: int, act: str = "DO") -> list[StoredRecord]:
    return store(record(act, clock) for clock in range(count))


async def test_a_watcher_gets_what_it_wants_in_order() -> None:
    broadcast = Broadcast()
    watcher = broadcast.watch(lambda stored: stored.record.act == "DO")
    broadcast.publish([*some(2), *some(1, "KNOW")])
    broadcast.publish(some(1))
    assert [stored.sequence for stored in await watcher.take()] == [1, 2, 1]


async def test_taking_waits_for_the_first() -> None:
    broadcast = Broadcast()
    watcher = broadcast.watch()
    taking = asyncio.ensure_future(watcher.take())
    await asyncio.sleep(0)
    assert not taking.done()
    broadcast.publish(some(1))
    assert len(await taking) == 1


async def test_one_that_is_too_slow_is_told_so_and_holds_nothing() -> None:
    broadcast = Broadcast()
    slow, quick = broadcast.watch(capacity=3), broadcast.watch(capacity=3)
    for _ in range(3):
        broadcast.publish(some(2))
        assert len(await quick.take()) == 2
    assert slow.lagged
    assert await slow.take() == []
    assert not quick.lagged


async def test_exactly_the_capacity_is_not_too_much() -> None:
    broadcast = Broadcast()
    watcher = broadcast.watch(capacity=3)
    broadcast.publish(some(3))
    assert not watcher.lagged
    assert len(await watcher.take()) == 3
    broadcast.publish(some(3))
    assert not watcher.lagged


async def test_lagging_wakes_who_waits() -> None:
    broadcast = Broadcast()
    watcher = broadcast.watch(capacity=1)
    taking = asyncio.ensure_future(watcher.take())
    await asyncio.sleep(0)
    broadcast.publish(some(2))
    assert await taking == []
    assert watcher.lagged


async def test_closing_tells_everyone_after_what_they_have_yet_to_take() -> None:
    broadcast = Broadcast()
    busy, idle = broadcast.watch(), broadcast.watch()
    taking = asyncio.ensure_future(idle.take())
    await asyncio.sleep(0)
    broadcast.publish(some(1))
    assert len(await taking) == 1
    broadcast.close()
    broadcast.publish(some(1))
    assert len(await busy.take()) == 1
    assert (await busy.take(), await idle.take()) == ([], [])
    assert busy.closed


async def test_who_was_forgotten_is_told_nothing() -> None:
    broadcast = Broadcast()
    watcher = broadcast.watch()
    assert len(broadcast) == 1
    broadcast.forget(watcher)
    broadcast.forget(watcher)
    broadcast.publish(some(1))
    assert len(broadcast) == 0
    assert not watcher._queue


async def test_a_pulse_wakes_everyone_who_has_not_seen_it() -> None:
    signal = ChangeSignal()
    waiting = [asyncio.ensure_future(signal.after(0)) for _ in range(3)]
    late = asyncio.ensure_future(signal.after(1))
    await asyncio.sleep(0)
    signal.beat()
    assert await asyncio.gather(*waiting) == [1, 1, 1]
    assert await signal.after(0) == 1
    assert not late.done()
    signal.beat()
    assert await late == 2


async def test_a_waiter_that_gives_up_is_forgotten() -> None:
    signal = ChangeSignal()
    waiting = asyncio.ensure_future(signal.after(0))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not signal._waiters
    signal.beat()
