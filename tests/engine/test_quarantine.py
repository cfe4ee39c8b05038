"""The walk that looks for altered records: what it takes in, what follows from it, and when it rests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from syncropel.engine.ingest import quarantine as quarantines
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.quarantine import AGAIN_SECS, EVERY_SECS, Quarantine
from syncropel.errors import NotFound, RecordAltered, StoreError
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, RESERVED
from syncropel.store.base import Altered, RecordStore


def sound(n: int, thread: str = "th_a") -> StoredRecord:
    return StoredRecord(Record(thread, "did:a", "DO", {"n": n}, clock=n).identified(), n, 0.0)


def spoilt(n: int, thread: str = "th_a") -> StoredRecord:
    one = sound(n, thread)
    return replace(one, record=replace(one.record, body={"n": n + 100}, body_json=""))


class Store:
    """A log of the test's own: which records are on which thread, and which of them are altered."""

    def __init__(self, *records: StoredRecord) -> None:
        self.records = list(records)
        self.altered = [Altered(3, "id3", "th_a", "f3"), Altered(5, "id5", "th_b", "f5")]
        self.read: list[str] = []
        self.asked: list[tuple[int, int]] = []
        self.accepted: list[Altered] = []
        self.errors: list[StoreError] = []

    async def thread(self, name: str) -> list[StoredRecord]:
        self.read.append(name)
        return [one for one in self.records if one.record.thread == name]

    async def altered_after(self, sequence: int, limit: int) -> tuple[int, list[Altered]]:
        self.asked.append((sequence, limit))
        if self.errors:
            raise self.errors.pop(0)
        end = min(sequence + limit, 6)
        return max(end, sequence), [one for one in self.altered if sequence < one.sequence <= end]

    async def accept_altered(self, altered: Sequence[Altered]) -> None:
        self.accepted += altered


class Bench:
    def __init__(self, *records: StoredRecord) -> None:
        self.store = Store(*records)
        self.live = SimpleNamespace(
            altered={"th_old": "stale"},
            standing=SimpleNamespace(altered="stale"),
            open_children={},
            active=set(),
        )
        self.slept: list[float] = []
        self.turns = 10_000
        runtime = Runtime(sleep=self.sleep)
        self.beats = 0
        live, store = cast(LiveFolds, self.live), cast(RecordStore, self.store)
        self.quarantine = Quarantine(live, store, runtime, self.beat)

    def beat(self) -> None:
        self.beats += 1

    async def sleep(self, secs: float) -> None:
        self.slept.append(secs)
        if len(self.slept) >= self.turns:
            raise asyncio.CancelledError

    async def walk(self, turns: int) -> None:
        self.turns = turns
        with pytest.raises(asyncio.CancelledError):
            await self.quarantine.run()


async def test_a_walk_goes_through_the_log_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantines, "LOOKED_AT", 4)
    bench = Bench()
    assert (bench.quarantine.looked_at, bench.quarantine.walks) == (0, 0)
    await bench.walk(1)
    assert (bench.quarantine.looked_at, bench.quarantine.walks, set(bench.quarantine.found)) == (
        4,
        0,
        {"id3"},
    )
    bench.slept.clear()
    await bench.walk(3)
    assert bench.store.asked == [(0, 4), (4, 4), (6, 4), (0, 4)]
    assert bench.slept == [EVERY_SECS, AGAIN_SECS, EVERY_SECS]
    assert (bench.quarantine.looked_at, bench.quarantine.walks) == (4, 1)
    assert bench.quarantine.found == {"id3": bench.store.altered[0], "id5": bench.store.altered[1]}


async def test_a_log_that_cannot_be_read_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.store.errors += [StoreError("the disk is gone"), StoreError("still gone")]
    await bench.walk(3)
    assert bench.slept == [AGAIN_SECS, AGAIN_SECS, EVERY_SECS]
    told = [one.getMessage() for one in caplog.records if "cannot check" in one.getMessage()]
    assert told == ["cannot check the log: the disk is gone", "cannot check the log: still gone"]
    assert (bench.quarantine.looked_at, bench.quarantine.walks) == (6, 0)


async def test_each_is_told_once_and_published(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for turns in (2, 4):  # through the log, and through it again
        await bench.walk(turns)
        assert [one.getMessage() for one in caplog.records] == [
            "record id3 on th_a was altered: it does not hash to its id",
            "record id5 on th_b was altered: it does not hash to its id",
        ]
    assert bench.live.altered == {"th_a": "id3", "th_b": "id5"}
    assert bench.live.standing.altered == ""
    assert bench.beats > 0, "whoever shows it hears of it"


async def test_nothing_found_changes_nothing() -> None:
    bench = Bench()
    bench.store.altered.clear()
    await bench.walk(2)
    assert (bench.live.altered, bench.live.standing.altered) == ({"th_old": "stale"}, "stale")


async def test_one_on_a_ruling_thread_stops_the_instance_until_it_is_accepted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    first, second = sorted((FLEET_CONTROL, ENGINE_CONFIG))
    bench.store.altered = [Altered(1, "id1", second, ""), Altered(2, "id2", first, "")]
    await bench.walk(1)
    assert bench.live.standing.altered == f"record id2 on {first} was altered"
    with pytest.raises(NotFound, match="record id9 is not in quarantine"):
        await bench.quarantine.accept("id9")
    assert bench.store.accepted == []
    one = await bench.quarantine.accept("id2", "I did it")
    assert (one.id, bench.store.accepted) == ("id2", [one])
    assert bench.live.standing.altered == f"record id1 on {second} was altered"
    await bench.quarantine.accept("id1")
    assert (bench.live.altered, bench.live.standing.altered, bench.quarantine.found) == ({}, "", {})
    told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert told == [
        "an operator accepted the altered record id2 (I did it)",
        "an operator accepted the altered record id1 (no reason given)",
    ]


async def test_before_work_the_threads_that_it_rests_on_are_read() -> None:
    bench = Bench(sound(2), spoilt(3), sound(4, "th_c"), spoilt(5, "th_b"))
    bench.live.open_children = {"th_a": 1}
    bench.live.active = {"th_fan", "th_a"}
    await bench.quarantine.look_before_work()
    assert bench.store.read == sorted({*RESERVED, "th_a", "th_fan"})
    assert bench.store.asked == [(2, 1)]
    assert set(bench.quarantine.found) == {"id3"}


async def test_what_an_operator_accepted_is_no_find() -> None:
    bench = Bench()
    await bench.quarantine.look_at([spoilt(4)])  # the store knows that it was accepted
    assert (bench.store.asked, bench.quarantine.found) == ([(3, 1)], {})


async def test_proof_that_was_altered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantines, "LOOKED_AT", 2)
    bench = Bench()
    good, bad = [sound(n) for n in (1, 2, 4, 6)], spoilt(3)
    bench.store.altered = [Altered(3, bad.record.id, "th_a", "f")]
    await bench.quarantine.refuse_altered(good)
    assert bench.store.asked == []
    with pytest.raises(RecordAltered) as caught:
        await bench.quarantine.refuse_altered([*good, bad])
    assert bad.record.id in caught.value.message
    await bench.quarantine.refuse_altered(good)  # others are as good as before
    accepted = spoilt(7)
    await bench.quarantine.refuse_altered([accepted])


async def test_others_have_a_turn_while_many_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantines, "LOOKED_AT", 2)
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    task: Any = asyncio.ensure_future(other())
    await Bench().quarantine.refuse_altered([sound(n) for n in range(1, 8)])
    task.cancel()
    assert len(turns) >= 4
