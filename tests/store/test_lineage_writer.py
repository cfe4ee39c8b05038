"""When the lineage is written: a little after the commits it describes, once for many, and at the end."""

from __future__ import annotations

import asyncio
import threading
from typing import cast

import pytest

from syncropel.store.lineage import writing
from syncropel.store.lineage.keeper import LineageKeeper
from syncropel.store.lineage.writing import LineageWriter

LIMIT_SECS = 30


class Keeper:
    """Says what it was told to write. `go_on`: a write waits for it."""

    def __init__(self) -> None:
        self.dirty = True
        self.written: list[bool] = []
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self.at_once = 0
        self.most_at_once = 0

    def write(self, now: float, *, everywhere: bool = False) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        assert self.go_on.wait(LIMIT_SECS)
        self.written.append(everywhere)
        self.at_once -= 1


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def writer(keeper: Keeper) -> LineageWriter:
    return LineageWriter(cast(LineageKeeper, keeper))


def lag(monkeypatch: pytest.MonkeyPatch, secs: float) -> None:
    monkeypatch.setattr(writing, "LAG_SECS", secs)


async def test_many_commits_are_one_write(
    writer: LineageWriter, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag(monkeypatch, 0.01)
    await writer.written()  # of nothing
    for _ in range(5):
        writer.soon()
    await writer.written()
    assert keeper.written == [False]
    keeper.dirty = False
    writer.soon()
    await writer.written()
    assert keeper.written == [False]
    keeper.dirty = True
    writer.soon()
    await writer.written()
    assert keeper.written == [False, False]


async def test_the_end_waits_for_no_lag_and_writes_everywhere(
    writer: LineageWriter, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag(monkeypatch, 1000.0)
    writer.soon()
    async with asyncio.timeout(LIMIT_SECS):
        await writer.finish()
    assert keeper.written == [False, True]


async def test_a_commit_during_a_write_schedules_another_after_it(
    writer: LineageWriter, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    lag(monkeypatch, 0.0)
    keeper.go_on.clear()
    writer.soon()
    await asyncio.to_thread(keeper.begun.wait, LIMIT_SECS)
    writer.soon()
    for _ in range(5):
        await asyncio.sleep(0.002)  # a second write could begin here
    assert keeper.written == []
    keeper.go_on.set()
    async with asyncio.timeout(LIMIT_SECS):
        await writer.written()
    assert (keeper.written, keeper.most_at_once) == ([False, False], 1)
