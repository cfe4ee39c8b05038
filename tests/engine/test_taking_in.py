"""Taking in records of another log: all or none, who waits meanwhile, and who hears of them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from typing import Any

import pytest

from syncropel.engine.ingest import telling
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import (
    InvalidRecord,
    NamespaceFrozen,
    PermissionDenied,
    StoreError,
    SyncropelError,
    Unavailable,
)
from syncropel.folds.control.rules import ENABLED_TOPIC, PERMISSION
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, RESERVED, clock_ceiling
from syncropel.store.base import Appended, Arrived, Keep, Outcome
from syncropel.store.bundle.format import Bundled
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, parent, record, spawned, subtask

NOW = 1_700_000_000.0
INTEND = "ab" * 32


class Slow(MemoryStore):
    """A log in which a restore waits for `go`, or fails."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.restoring = 0
        self.fails = False

    async def restore(
        self, records: Sequence[tuple[Record, float]], keep: Keep, arrived: Arrived
    ) -> list[Outcome]:
        self.restoring += 1
        self.begun.set()
        await self.go.wait()
        if self.fails:
            raise StoreError("the disk is full", "make room")
        return await super().restore(records, keep, arrived)


class Door:
    """A door, and who hears of what comes in."""

    def __init__(self) -> None:
        self.store = Slow()
        self.ingest = Ingest(self.store, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: NOW))
        self.heard: list[list[int]] = []
        """The clocks of each group that listeners were told."""
        self.watched: list[int] = []
        self.ingest.subscribe(lambda records: self.heard.append([one.record.clock or 0 for one in records]))
        self.ingest.broadcast.watch(self._watch)

    def _watch(self, stored: StoredRecord) -> bool:
        self.watched.append(stored.record.clock or 0)
        return False

    def restore(self, *records: Record, tell: bool = False, keep: bool = True) -> asyncio.Task[list[Outcome]]:
        bundled = [Bundled(one, 5.0, line) for line, one in enumerate(records, 2)]
        return asyncio.ensure_future(self.ingest.restore(bundled, lambda _: keep, tell=tell))

    def post(self, thread: str) -> asyncio.Task[list[Outcome]]:
        return asyncio.ensure_future(self.ingest.append([Record(thread, "did:a", "DO", {})]))

    def let_go(self) -> None:
        self.store.go.set()


@pytest.fixture
def here() -> Door:
    return Door()


async def turns() -> None:
    """Let everybody go as far as they can; some of it happens on a thread."""
    for _ in range(20):
        await asyncio.sleep(0)
        await asyncio.to_thread(int)


def say(clock: int, thread: str = "th_old", act: str = "DO", **body: Any) -> Record:
    return record(act, clock, body, thread=thread)


@pytest.mark.parametrize(("tell", "heard"), [(True, [[1, 2]]), (False, [])])
async def test_what_comes_in_is_in_the_log_and_watchers_hear_of_it(
    here: Door, tell: bool, heard: list[list[int]]
) -> None:
    here.let_go()
    outcomes = await here.restore(say(1), say(2), tell=tell)
    assert [type(one) for one in outcomes] == [Appended] * 2
    assert (here.watched, here.heard) == ([1, 2], heard)
    assert [one.received_at for one in await here.store.thread("th_old")] == [5.0, 5.0]
    assert here.ingest.live.index.threads["th_old"].records == here.ingest.total == 2
    assert [type(one) for one in await here.restore(say(1), tell=tell)] == [Appended]
    assert (here.watched, here.heard) == ([1, 2], heard), "it was there"


async def test_of_reserved_threads_the_engine_hears_in_any_case(here: Door) -> None:
    here.let_go()
    await here.restore(say(1), *(say(2, thread) for thread in sorted(RESERVED)))
    assert here.heard == [[2] * len(RESERVED)]


async def test_the_engine_hears_of_many_bit_by_bit(here: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "SLICE", 2)
    here.let_go()
    await here.restore(*(say(clock) for clock in range(1, 6)), tell=True)
    assert here.heard == [[1, 2], [3, 4], [5]]


async def test_a_dry_run_changes_nothing(here: Door) -> None:
    here.let_go()
    await here.restore(say(1), tell=True, keep=False)
    assert (here.store.count, here.watched, here.heard, here.ingest.total) == (0, [], [], 0)


FREEZE = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "x", "at": NOW}
DENY: dict[str, Any] = {
    "topic": PERMISSION,
    "name": "r",
    "effect": "deny",
    "expression": 'record.act == "CALL"',
}
ALLOW: dict[str, Any] = {"topic": PERMISSION, "name": "s", "effect": "allow", "expression": "true"}
SETUP = [
    record("LEARN", 1, FREEZE, thread=FLEET_CONTROL),
    *(
        record("LEARN", clock, body, thread=ENGINE_CONFIG)
        for clock, body in enumerate([DENY, ALLOW, {"topic": ENABLED_TOPIC, "enabled": True}], 1)
    ),
]


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (say(clock_ceiling(FLEET_CONTROL), FLEET_CONTROL, "LEARN"), InvalidRecord),
        (say(3, namespace="docs/v1"), NamespaceFrozen),
        (say(3, act="CALL"), PermissionDenied),
    ],
)
async def test_the_first_that_is_refused_keeps_all_of_them_out(
    here: Door, odd: Record, error: type[Exception]
) -> None:
    await here.ingest.append(SETUP, ruled=False)
    here.let_go()
    before = here.store.count
    with pytest.raises(SyncropelError) as refusal:
        await here.restore(say(1), say(2), odd, say(9, namespace="docs"))
    assert type(refusal.value) is error
    assert refusal.value.message.startswith("line 4: ")
    assert (here.store.count, here.store.restoring) == (before, 0)
    await here.post("th_old")


async def test_a_rule_judges_only_while_it_is_enforced(here: Door) -> None:
    await here.ingest.append(SETUP[:-1], ruled=False)
    here.let_go()
    await here.restore(say(3, act="CALL"))
    assert here.ingest.live.index.threads["th_old"].records == 1


async def test_those_who_write_on_the_same_threads_wait_and_others_do_not(here: Door) -> None:
    restoring = here.restore(say(7), say(7, "th_too"))
    await turns()
    waiting = [here.post("th_old"), here.post("th_too")]
    assert isinstance((await here.post("th_else"))[0], Appended)
    await turns()
    assert [one.done() for one in (restoring, *waiting)] == [False] * 3
    here.let_go()
    await restoring
    for one in waiting:
        (outcome,) = await one
        assert isinstance(outcome, Appended)
        assert outcome.stored.record.clock == 8


async def test_records_that_rule_over_others_keep_everybody_waiting(here: Door) -> None:
    restoring = here.restore(say(7), record("LEARN", 7, FREEZE, thread=FLEET_CONTROL))
    await turns()
    waiting = here.post("th_else")
    await turns()
    assert not waiting.done()
    here.let_go()
    await restoring
    await waiting


async def test_after_a_failure_nobody_waits_any_more(here: Door) -> None:
    for thread in ("th_old", FLEET_CONTROL):
        here.store.fails = True
        restoring = here.restore(say(7, thread, "LEARN"))
        await turns()
        waiting = here.post(thread)
        here.let_go()
        with pytest.raises(StoreError):
            await restoring
        async with asyncio.timeout(60):
            await waiting
            here.store.fails = False
            await here.restore(say(900, thread, "LEARN"))
        here.store.go.clear()


async def test_whoever_is_alone_stays_so_when_a_restore_ends(here: Door) -> None:
    """A restore of ordinary threads gives up being alone before it writes, and nothing afterwards."""
    restoring = here.restore(say(1))
    await here.store.begun.wait()
    await here.ingest._order.alone()
    here.let_go()
    await restoring
    waiting = here.post("th_else")
    await turns()
    assert not waiting.done()
    here.ingest._order.leave_alone()
    async with asyncio.timeout(60):
        await waiting


async def test_a_restore_that_fails_after_its_caller_left_says_nothing_about_itself(here: Door) -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: said.append(told))
    here.store.fails = True
    restoring = here.restore(say(1))
    await turns()
    restoring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restoring
    here.let_go()
    await turns()
    gc.collect()
    assert said == []


async def test_one_restore_at_a_time(here: Door) -> None:
    first, second = here.restore(say(1)), here.restore(say(2))
    await turns()
    assert here.store.restoring == 1
    here.let_go()
    await asyncio.gather(first, second)
    assert here.ingest.live.index.threads["th_old"].records == 2


async def test_a_caller_that_leaves_does_not_stop_it(here: Door) -> None:
    restoring = here.restore(say(1))
    await turns()
    restoring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await restoring
    here.let_go()
    (outcome,) = await here.post("th_old")
    assert isinstance(outcome, Appended)
    assert outcome.stored.record.clock == 2


async def test_a_daemon_that_stops_restores_nothing(here: Door) -> None:
    here.ingest.open = False
    with pytest.raises(Unavailable, match="stopping"):
        await here.restore(say(1))


@pytest.mark.parametrize(("tell", "acknowledged"), [(True, False), (False, True)])
async def test_results_that_were_reported_elsewhere_are_not_reported_again(
    here: Door, tell: bool, acknowledged: bool
) -> None:
    here.let_go()
    result = say(2, act="KNOW", fulfills=INTEND)
    await here.restore(say(1), result, say(3, act="KNOW", fulfills=7), tell=tell)
    assert await here.store.acknowledged([result.id]) == ({result.id} if acknowledged else set())


async def test_a_thread_that_comes_out_of_order_is_folded_anew(here: Door) -> None:
    here.let_go()
    await here.restore(spawned(0, 5), parent([subtask()], clock=1), tell=True)
    fanout = here.ingest.live.tasks["th_task"].fanout
    assert fanout is not None
    assert len(fanout.spawns) == 1
    assert not here.ingest.live.has_stale
    assert here.ingest.live.arriving == frozenset()
