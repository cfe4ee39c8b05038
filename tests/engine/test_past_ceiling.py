"""A reserved thread on which an older log holds the last clock: the engine still has the last word there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.control.killswitch import KillSwitch
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import IngestFailed
from syncropel.peer.peers import wire
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import Writer
from syncropel.policy.clocks import check_bundled_clock
from syncropel.record.model import MAX_CLOCK, Record
from syncropel.record.threads import FLEET_CONTROL, PAST_CEILING, RESERVED, clock_ceiling
from syncropel.store.base import Appended, RecordStore
from syncropel.store.memory import MemoryStore
from syncropel.store.sqlite.store import SqliteStore
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, record

CEILING = clock_ceiling(FLEET_CONTROL)
THAW = {"topic": "unfreeze", "level": "soft", "namespace": "docs", "at": 1.0}
POISONS = {
    "at the ceiling": [CEILING],
    "near it": [CEILING - 1],
    "around it": [CEILING - 2, CEILING - 1, CEILING, CEILING + 1, CEILING + 2, MAX_CLOCK],
}


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    if request.param == "memory":
        yield MemoryStore(clock=lambda: 7.0)
        return
    opened = await SqliteStore.open(tmp_path / "hub.db", clock=lambda: 7.0)
    yield opened
    await opened.close()


async def poisoned(store: RecordStore, clocks: list[int], thread: str = FLEET_CONTROL) -> Ingest:
    act = "KNOW" if thread != FLEET_CONTROL else "LEARN"
    await store.append([record(act, clock, THAW, thread=thread) for clock in clocks])
    return Ingest(store, await rebuild(store), Broadcast(), COORDINATOR, Runtime())


def frozen(live: LiveFolds) -> list[str]:
    return [one.namespace for one in live.control.active()]


@pytest.mark.parametrize("clocks", POISONS.values(), ids=POISONS)
async def test_the_kill_switch_has_the_last_word(store: RecordStore, clocks: list[int]) -> None:
    ingest = await poisoned(store, clocks)
    switch = KillSwitch(ingest, Runtime())
    for _ in range(3):
        await switch.freeze(
            level="soft", namespace="docs", reason="r", grace_secs=0, terminate=False, actor=OPERATOR
        )
        assert frozen(ingest.live) == frozen(await rebuild(store)) == ["docs"]
        await switch.unfreeze(namespace="docs", actor=OPERATOR)
        assert frozen(ingest.live) == frozen(await rebuild(store)) == []


async def test_nothing_is_marked_where_clocks_are_left(store: RecordStore) -> None:
    ingest = await poisoned(store, [3])
    one = await ingest.append_one(Record(FLEET_CONTROL, OPERATOR, "LEARN", THAW))
    assert PAST_CEILING not in one.stored.record.body
    assert one.stored.record.clock is not None
    assert one.stored.record.clock < CEILING


@pytest.mark.parametrize("thread", sorted(RESERVED))
async def test_many_at_once_find_clocks_of_their_own(store: RecordStore, thread: str) -> None:
    ingest = await poisoned(store, [CEILING], thread)
    batches = [[Record(thread, COORDINATOR, "KNOW", {"n": n, "of": of}) for of in range(3)] for n in range(8)]
    answers = await asyncio.gather(*(ingest.append(batch, together=True) for batch in batches))
    clocks = []
    for outcome in (one for answer in answers for one in answer):
        assert isinstance(outcome, Appended), outcome
        clocks.append(outcome.stored.record.clock or 0)
    assert len(set(clocks)) == 24
    assert ingest.live.heads[thread] == max(clocks) == (await rebuild(store)).heads[thread]


@pytest.mark.parametrize("author", ["operator", "account", "anyone", "coordinator"])
async def test_what_others_post_is_never_changed(store: RecordStore, author: Any) -> None:
    """Its id follows from it. It is refused, and told why."""
    ingest = await poisoned(store, [CEILING])
    posted = Record(FLEET_CONTROL, OPERATOR, "LEARN", {"topic": "note"})
    writer = Writer(author, OPERATOR if author == "account" else COORDINATOR)
    (outcome,) = await ingest.append([posted], writer=writer)
    if author == "anyone":
        assert not isinstance(outcome, Appended)
        return
    assert isinstance(outcome, IngestFailed)
    assert "no clock is left" in outcome.message
    assert "command" in outcome.hint


async def test_a_marked_clock_counts_on_reserved_threads_alone() -> None:
    for thread, expected in ((FLEET_CONTROL, True), ("th_task", False)):
        marked = record("LEARN", CEILING * 3 // 2, {PAST_CEILING: True}, thread=thread)
        refused = check_bundled_clock(marked)
        assert (refused is not None) is expected, "no bundle may take the last word for ever"
    for word in (1, "true", [True], None, False):
        assert (
            check_bundled_clock(record("LEARN", MAX_CLOCK, {PAST_CEILING: word}, thread=FLEET_CONTROL))
            is None
        )


async def test_a_worker_follows_its_coordinator_past_the_ceiling_of_either(store: RecordStore) -> None:
    """What the coordinator marked says nothing of the clocks of the worker's own log."""
    coordinator = await poisoned(MemoryStore(clock=lambda: 7.0), [CEILING])
    worker = await poisoned(store, [CEILING])
    told = ControlAdoption(worker, WORKER_A, Runtime())
    await told.load()
    switch = KillSwitch(coordinator, Runtime())
    written = await switch.freeze(
        level="soft", namespace="docs", reason="r", grace_secs=0, terminate=False, actor=OPERATOR
    )
    for _ in range(2):
        message = {"base": told.version, "replace": True, "records": [wire(written.record)], "grace": {}}
        assert await told.take(message)
        assert frozen(worker.live) == frozen(await rebuild(store)) == ["docs"]
    assert await told.take({"base": told.version, "replace": True, "records": [], "grace": {}})
    assert frozen(worker.live) == []
