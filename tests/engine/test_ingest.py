"""The door of the log: one bad record must not keep out the next."""

from __future__ import annotations

import asyncio

import pytest

from syncropel.engine.ingest import door
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import Conflict, InvalidRecord, NamespaceFrozen, SyncropelError, Unavailable
from syncropel.folds.control.freezes import FREEZE
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, done, parent, record, spawned, subtask


@pytest.fixture
def ingest() -> Ingest:
    return Ingest(
        MemoryStore(clock=lambda: 0.0), LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0)
    )


FREEZE_DOCS = record(
    "LEARN", 0, {"topic": FREEZE, "level": "soft", "namespace": "docs", "reason": "x"}, thread=FLEET_CONTROL
)


async def test_each_record_of_a_batch_has_its_own_outcome(ingest: Ingest) -> None:
    bad = parent([{"goal": "no target"}], clock=3)
    outcomes = await ingest.append([record("DO", 0), bad, record("DO", 1), record("DO", 0, {"n": 1})])
    assert [type(one) for one in outcomes] == [Appended, *[type(outcomes[1])], Appended, type(outcomes[3])]
    assert isinstance(outcomes[1], SyncropelError)
    assert isinstance(outcomes[3], SyncropelError)
    assert outcomes[3].message.startswith("DuplicateClock")
    assert ingest.store.count == 2


async def test_a_task_is_fanned_out_once_though_two_ask_at_the_same_moment(ingest: Ingest) -> None:
    """Both would pass a guard that looks before either is in the log, and the second would be ignored."""
    first, second = parent([subtask()], clock=1), parent([subtask(), subtask()], clock=2)
    outcomes = await asyncio.gather(ingest.append([first]), ingest.append([second]))
    assert isinstance(outcomes[0][0], Appended)
    refusal = outcomes[1][0]
    assert isinstance(refusal, Conflict)
    assert first.id in refusal.message
    assert ingest.store.count == 1


async def test_a_task_is_fanned_out_once_in_a_batch(ingest: Ingest) -> None:
    first, second = parent([subtask()], clock=1), parent([subtask(), subtask()], clock=2)
    outcomes = await ingest.append([first, second, first])
    assert [type(one) for one in outcomes] == [Appended, Conflict, Appended]
    assert ingest.store.count == 1


async def test_listeners_hear_of_new_records_once_and_after_the_folds(ingest: Ingest) -> None:
    heard: list[str] = []

    def listen(records: object) -> None:
        assert isinstance(records, list)
        for stored in records:
            assert isinstance(stored, StoredRecord)
            assert stored.record.thread in ingest.live.index.threads
            heard.append(stored.record.id)

    ingest.subscribe(listen)
    one = record("DO", 0)
    await ingest.append([one, one])
    await ingest.append([one])
    assert heard == [one.id]


async def test_a_listener_hears_only_of_what_is_folded_straight(ingest: Ingest) -> None:
    """A fact came before its INTEND; whoever is told of that sees it."""
    seen: list[int] = []
    ingest.subscribe(
        lambda _: seen.extend(len(one.fanout.spawns) for one in ingest.live.active.values() if one.fanout)
    )
    await ingest.append([spawned(0, 5)])
    await ingest.append([parent([subtask()], clock=1)])
    assert seen == [1]


async def test_a_guard_that_breaks_does_not_keep_a_freeze_out(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A freeze waits until all who were judged before it are in the log: nobody may be waited for in vain."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(door, "check", broken)
        with pytest.raises(ZeroDivisionError):
            await ingest.append([record("DO", 0)])
    await ingest.append_one(FREEZE_DOCS)
    with pytest.raises(NamespaceFrozen):
        await ingest.append_one(record("DO", 1, {"namespace": "docs"}))


async def test_numbers_beyond_a_float_are_refused_or_harmless(ingest: Ingest) -> None:
    (outcome,) = await ingest.append([parent([subtask(budget_usd=10**400)])])
    assert isinstance(outcome, SyncropelError)
    await ingest.append([parent([subtask()]), done(0, 4, cost_usd=10**400)])
    await ingest.append_one(FREEZE_DOCS)
    assert ingest.live.control.freezes


async def test_what_has_no_json_is_refused_alone(ingest: Ingest) -> None:
    odd = Record("th_a", "did:a", "DO", {"n": float("nan")})
    outcomes = await ingest.append([odd, record("DO", 0)])
    assert isinstance(outcomes[0], InvalidRecord)
    assert isinstance(outcomes[1], Appended)


async def test_a_daemon_that_stops_takes_nothing(ingest: Ingest) -> None:
    ingest.open = False
    with pytest.raises(Unavailable):
        await ingest.append([record("DO", 0)])
