"""Records that somebody ruled over after they were judged: they are judged again, and none slips through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import JUDGED_AT_MOST, Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import NamespaceFrozen, SyncropelError
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.fleet.leadership import LEADING
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, INSTANCE_REGISTRY
from syncropel.store.base import Appended, Judged, Outcome, Settled
from syncropel.store.memory import MemoryStore
from syncropel.store.refusals import Moved
from tests.folds.build import COORDINATOR, OPERATOR

NOW = 1_700_000_000.0


def freeze(namespace: str) -> Record:
    body = {"topic": FREEZE, "level": "soft", "namespace": namespace, "reason": "x", "at": NOW}
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", body)


def work(namespace: str = "docs") -> Record:
    return Record("th_a", OPERATOR, "INTEND", {"namespace": namespace})


class Overtaken(MemoryStore):
    """Another writer's records come first, a number of times, and the folds hear of them."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.first: list[Record] = []
        self.before = ""
        """The thread before whose records they come; empty for any."""
        self.hear: Callable[[Any], None] = lambda _: None

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        if self.first and self.before in ("", *(record.thread for record in records)):
            for outcome in await super().append([self.first.pop(0)]):
                assert isinstance(outcome, Appended)
                self.hear(outcome.stored)
        return await super().append(records, settled, judged)


def door() -> tuple[Ingest, Overtaken]:
    log = Overtaken()
    ingest = Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: NOW))
    log.hear = ingest.live.apply
    return ingest, log


async def noted(log: MemoryStore) -> list[tuple[str, int, int | None]]:
    return [
        (one.stored.record.thread, one.term, one.ruled)
        for some in [some async for some in log.entries()]
        for one in some
    ]


async def test_what_a_freeze_overtook_is_judged_under_it() -> None:
    ingest, log = door()
    log.first = [freeze("docs")]
    stopped, passed = await ingest.append([work(), Record("th_a", OPERATOR, "KNOW", {})])
    assert isinstance(stopped, NamespaceFrozen)
    assert isinstance(passed, Appended)
    assert await noted(log) == [(FLEET_CONTROL, 1, None), ("th_a", 1, 1)]


async def test_it_is_judged_until_nobody_comes_first() -> None:
    ingest, log = door()
    log.first = [freeze(f"other-{n}") for n in range(JUDGED_AT_MOST - 1)]
    assert isinstance(await ingest.append_one(work()), Appended)
    assert (await noted(log))[-1] == ("th_a", 1, JUDGED_AT_MOST - 1)


async def test_it_is_not_judged_for_ever_and_keeps_nobody_waiting() -> None:
    ingest, log = door()
    log.first = [freeze(f"other-{n}") for n in range(JUDGED_AT_MOST)]
    with pytest.raises(Moved) as refusal:
        await ingest.append_one(work())
    assert (refusal.value.status, log.first) == (503, [])
    assert "th_a" not in ingest.live.index.threads
    async with asyncio.timeout(60):
        await ingest.append([freeze("docs")])
        assert isinstance((await ingest.append([work()]))[0], NamespaceFrozen)


async def test_the_rest_of_a_call_that_was_overtaken_too_often_is_told_so() -> None:
    ingest, log = door()
    log.before = "th_a"
    log.first = [freeze(f"other-{n}") for n in range(JUDGED_AT_MOST)]
    outcomes = await ingest.append([freeze("docs"), work("code")])
    assert [type(one) for one in outcomes] == [Appended, Moved]


async def test_nothing_of_the_engines_own_follows_what_rules_over_it_in_one_turn() -> None:
    """Finding it under a freeze that it was judged before, nobody could tell it from a leak."""
    ingest, log = door()
    own = [Record("th_a", COORDINATOR, "KNOW", {}), freeze("docs"), freeze("code"), work(), work("code")]
    for together in (True, False):
        outcomes = await ingest.append(own, together=together, ruled=False)
        told = [isinstance(one, SyncropelError) for one in outcomes]
        assert told == [False, False, False, True, True]
    rulings = [entry for entry in await noted(log) if entry[0] == FLEET_CONTROL]
    assert rulings == [(FLEET_CONTROL, 1, n) for n in (0, 2, 3, 5)]


async def test_audit_records_share_a_turn() -> None:
    ingest, log = door()
    audits = [Record(ENGINE_CONFIG, COORDINATOR, "KNOW", {"topic": "x", "n": n}) for n in range(3)]
    await ingest.append(audits, ruled=False)
    assert await noted(log) == [(ENGINE_CONFIG, 1, n) for n in range(3)]


async def test_a_term_begins_with_its_leading_record() -> None:
    ingest, log = door()
    await ingest.append_one(work())
    leading = Record(
        INSTANCE_REGISTRY, COORDINATOR, "KNOW", {"topic": LEADING, "did": COORDINATOR, "term": 4}
    )
    await ingest.append([Record("th_a", OPERATOR, "KNOW", {}), leading, Record("th_a", OPERATOR, "KNOW", {})])
    assert [term for _, term, _ in await noted(log)] == [1, 1, 4, 4]


async def test_a_leading_record_that_is_refused_begins_none() -> None:
    ingest, log = door()
    other = f"{COORDINATOR[:-4]}ffff"
    leading = Record(INSTANCE_REGISTRY, other, "KNOW", {"topic": LEADING, "did": other, "term": 4})
    refused, passed = await ingest.append([leading, work()])
    assert isinstance(refused, SyncropelError)
    assert isinstance(passed, Appended)
    assert [term for _, term, _ in await noted(log)] == [1]


async def test_what_was_judged_within_a_grace_is_judged_again_when_it_ends_meanwhile() -> None:
    log = MemoryStore(clock=lambda: NOW)
    boots: list[float] = []
    live = LiveFolds()
    runtime = Runtime(now=lambda: NOW, boottime=lambda: boots.pop(0), boot_id=lambda: "this boot")
    ingest = Ingest(log, live, Broadcast(), COORDINATOR, runtime)
    hard = freeze("docs").body | {"level": "hard", "grace_secs": 10}
    boots += [0.0]
    await ingest.append_one(Record(FLEET_CONTROL, OPERATOR, "LEARN", hard))
    boots += [9.8, 9.9, 9.9]
    await ingest.append_one(Record("th_a", OPERATOR, "KNOW", {"namespace": "docs"}))
    boots += [9.9, 10.1]
    (late,) = await ingest.append([Record("th_b", OPERATOR, "KNOW", {"namespace": "docs"})])
    assert isinstance(late, NamespaceFrozen)
    assert (boots, log.count) == ([], 2)
