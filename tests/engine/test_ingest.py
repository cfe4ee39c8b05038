"""The door of the log: one bad record must not keep out the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncropel.engine.ingest import judge
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import (
    Conflict,
    InvalidRecord,
    NamespaceFrozen,
    PermissionDenied,
    StoreError,
    SyncropelError,
    Unavailable,
)
from syncropel.folds.control.freezes import FREEZE
from syncropel.folds.control.rules import ENABLED_TOPIC, PERMISSION
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import ANYONE, ENGINE, OPERATOR, Writer
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL
from syncropel.store.base import Appended, Judged, Outcome, Settled
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, WORKER_A, done, parent, record, spawned, subtask


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


async def test_what_the_log_refuses_keeps_no_other_of_its_turn_from_the_folds(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    await ingest.append([record("DO", 0)])
    outcomes = await ingest.append([record("DO", 0, {"n": 1}), record("DO", 1)], together=True)
    assert [type(one) for one in outcomes][1] is Appended
    assert ingest.live.index.threads["th_task"].records == ingest.total == 2
    assert caplog.records == []


async def test_a_listener_that_fails_is_logged_and_the_record_stands(
    ingest: Ingest, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    ingest.subscribe(broken)
    (outcome,) = await ingest.append([record("DO", 0)])
    assert isinstance(outcome, Appended)
    assert ingest.live.index.threads["th_task"].records == 1
    (said,) = caplog.records
    assert said.exc_info is not None
    assert said.exc_info[0] is ZeroDivisionError


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

    def broken(*_: object, **__: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(judge, "check", broken)
        with pytest.raises(ZeroDivisionError):
            await ingest.append([record("DO", 0)])
    await ingest.append_one(FREEZE_DOCS)
    with pytest.raises(NamespaceFrozen):
        await ingest.append_one(record("DO", 1, {"namespace": "docs"}))


async def test_a_report_that_is_refused_is_kept_to_be_shown(ingest: Ingest) -> None:
    (outcome,) = await ingest.append([done(0, 7)], writer=ANYONE)
    assert isinstance(outcome, SyncropelError)
    assert len(ingest.refused_reports) == 1
    await ingest.append([parent([subtask()]), spawned(0, 4), done(0, 7)])
    assert len(ingest.refused_reports) == 0


class Held(MemoryStore):
    """A log that keeps the records of one thread waiting."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.go = asyncio.Event()

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        if any(one.thread == "th_slow" for one in records):
            await self.go.wait()
        return await super().append(records, settled, judged)


async def test_ordinary_records_do_not_wait_for_each_other_and_a_freeze_does() -> None:
    log = Held()
    ingest = Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
    slow = asyncio.ensure_future(ingest.append([record("DO", 0, thread="th_slow")]))
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await ingest.append([record("DO", 0)])
    freezing = asyncio.ensure_future(ingest.append([FREEZE_DOCS]))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not freezing.done()
    log.go.set()
    async with asyncio.timeout(60):
        await asyncio.gather(slow, freezing)


class Folding(MemoryStore):
    """A log whose threads are read when `go` says so."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0)
        self.begun = asyncio.Event()
        self.go = [asyncio.Event() for _ in range(2)]
        self.reads = 0

    async def thread(self, thread: str) -> list[StoredRecord]:
        self.reads += 1
        self.begun.set()
        if self.reads <= len(self.go):
            await self.go[self.reads - 1].wait()
        return await super().thread(thread)


async def test_listeners_hear_in_the_order_of_the_log_while_threads_are_folded_anew() -> None:
    """What came while a thread was folded is told after it, however quickly its own thread is folded."""
    log = Folding()
    ingest, heard = Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0)), list[int]()
    ingest.subscribe(lambda records: heard.extend(one.record.clock or 0 for one in records))
    await ingest.append([parent([subtask()], clock=1), record("DO", 5)], together=True)
    first = asyncio.ensure_future(ingest.append([record("DO", 3, {"topic": "task_started"})]))
    await log.begun.wait()
    second = asyncio.ensure_future(ingest.append([record("DO", 7, thread="th_else")], together=True))
    log.go[1].set()
    for _ in range(50):
        await asyncio.sleep(0)
    assert heard == [1, 5], "the first is still being folded"
    log.go[0].set()
    async with asyncio.timeout(60):
        await asyncio.gather(first, second)
    assert heard == [1, 5, 3, 7]


async def test_what_rules_over_others_waits_for_whoever_must_not_be_disturbed(ingest: Ingest) -> None:
    async with ingest.undisturbed() as wanted:
        assert not wanted()
        freezing = asyncio.ensure_future(ingest.append([FREEZE_DOCS]))
        for _ in range(20):
            await asyncio.sleep(0)
        assert wanted(), "it is told that somebody waits"
        assert not freezing.done()
        assert not ingest.live.control.freezes
    async with asyncio.timeout(60):
        await freezing
    assert ingest.live.control.freezes


@pytest.mark.parametrize("ruled", [True, False])
async def test_rules_judge_what_they_rule(ingest: Ingest, ruled: bool) -> None:
    rule = {"topic": PERMISSION, "name": "r", "effect": "deny", "expression": "true"}
    bodies: list[dict[str, Any]] = [rule, {"topic": ENABLED_TOPIC, "enabled": True}]
    await ingest.append(
        [record("LEARN", clock, body, thread=ENGINE_CONFIG) for clock, body in enumerate(bodies)], ruled=False
    )
    (outcome,) = await ingest.append([record("DO", 0)], ruled=ruled)
    assert isinstance(outcome, PermissionDenied) is ruled


ENABLED = record("LEARN", 9, {"topic": ENABLED_TOPIC, "enabled": True}, thread=ENGINE_CONFIG)
FAR = record("LEARN", 2**61, {"topic": ENABLED_TOPIC, "enabled": True}, thread=ENGINE_CONFIG)


@pytest.mark.parametrize(
    ("one", "by", "ruled", "error"),
    [
        (ENABLED, OPERATOR, True, Conflict),
        (ENABLED, OPERATOR, False, None),
        (record("LEARN", 9, dict(ENABLED.body)), OPERATOR, True, None),
        (FAR, OPERATOR, True, InvalidRecord),
    ],
    ids=["enabling", "what no rule rules", "on another thread", "what is refused already"],
)
async def test_nobody_is_locked_out(
    ingest: Ingest, one: Record, by: Writer, ruled: bool, error: type[SyncropelError] | None
) -> None:
    (outcome,) = await ingest.append([one], ruled=ruled, writer=by)
    assert type(outcome) is (error or Appended)


async def test_nobody_is_locked_out_of_a_worker_that_enforces_the_rules(ingest: Ingest) -> None:
    rule: dict[str, Any] = {"topic": PERMISSION, "name": "r", "effect": "allow", "expression": "true"}
    removed: dict[str, Any] = {"topic": PERMISSION, "name": "r", "removed": True}
    first, second = (
        record("LEARN", at, body, thread=ENGINE_CONFIG) for at, body in enumerate([rule, removed])
    )
    ingest.enforcing = lambda: [WORKER_A]
    assert isinstance(await ingest.append_one(first, writer=OPERATOR), Appended)
    with pytest.raises(Conflict, match=WORKER_A):
        await ingest.append_one(second, writer=OPERATOR)
    ingest.enforcing = list
    assert isinstance(await ingest.append_one(second, writer=OPERATOR), Appended)


FAN_OUT = parent([subtask()], clock=5)


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ([record("KNOW", 1, {"fulfills": FAN_OUT.id})], True),
        ([record("DO", 1), record("KNOW", 2, {"fulfills": FAN_OUT.id}), record("DO", 3)], True),
        ([record("DO", 1, {"fulfills": FAN_OUT.id})], False),
        ([record("KNOW", 1, {"fulfills": "ab" * 32})], False),
        ([record("KNOW", 1, {"fulfills": FAN_OUT.id}, thread="th_else")], False),
        ([], False),
    ],
)
@pytest.mark.parametrize("by", [ANYONE, ENGINE])
async def test_a_fan_out_that_was_joined_before_it_began_is_refused(
    ingest: Ingest, before: list[Record], refused: bool, by: Writer
) -> None:
    """Who posts one knows its id, and can have said so when nothing told that this would be a join."""
    await ingest.append(before)
    (outcome,) = await ingest.append([FAN_OUT], writer=by)
    if refused and by is ANYONE:
        assert isinstance(outcome, Conflict)
        assert "already says that this fan-out is fulfilled" in outcome.message
    else:
        assert isinstance(outcome, Appended)
        (again,) = await ingest.append([FAN_OUT], writer=by)
        assert isinstance(again, Appended)
        assert not again.created


@pytest.mark.parametrize("act", ["INTEND", "DO"])
async def test_only_a_fan_out_may_not_have_been_fulfilled_before(ingest: Ingest, act: str) -> None:
    """Somebody whose clock is behind may say of any other INTEND that it is done before it comes."""
    late = record(act, 5, {"goal": "deploy"})
    await ingest.append([record("KNOW", 1, {"fulfills": late.id})])
    (outcome,) = await ingest.append([late], writer=ANYONE)
    assert isinstance(outcome, Appended)


async def test_a_fan_out_that_has_been_joined_may_be_sent_again(ingest: Ingest) -> None:
    await ingest.append([FAN_OUT, record("KNOW", 9, {"fulfills": FAN_OUT.id, "verdict": "accept"})])
    (outcome,) = await ingest.append([FAN_OUT], writer=ANYONE)
    assert isinstance(outcome, Appended)


async def test_a_fan_out_without_a_clock_has_no_id_that_anybody_could_know(ingest: Ingest) -> None:
    await ingest.append([record("KNOW", 1, {"fulfills": ""})])
    (outcome,) = await ingest.append([replace(FAN_OUT, clock=None, id="")], writer=ANYONE)
    assert isinstance(outcome, Appended)


class Failing(MemoryStore):
    """A log that fails, after it has written or before."""

    def __init__(self, error: Exception, *, written: bool) -> None:
        super().__init__(clock=lambda: 0.0)
        self._error = error
        self._written = written

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        if self._written:
            await super().append(records, settled, judged)
        raise self._error


@pytest.mark.parametrize("error", [StoreError("it broke", "try again"), RuntimeError("a mistake of ours")])
@pytest.mark.parametrize("written", [True, False])
async def test_a_failure_ends_a_turn_once(error: Exception, written: bool) -> None:
    """Never ended, or ended twice, it would keep every freeze waiting for somebody who is not there."""
    log = Failing(error, written=written)
    ingest = Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: 0.0))
    for one in (record("DO", 0), FREEZE_DOCS, record("DO", 1), FREEZE_DOCS):
        async with asyncio.timeout(60):
            with pytest.raises(type(error)):
                await ingest.append([one])
    assert ingest.total == log.count == (3 if written else 0)


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
