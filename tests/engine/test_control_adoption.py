"""A worker enforces what its coordinator says is in force, whatever its own log held before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.control.effect import ControlState, digest, effects
from syncropel.peer.peers import wire
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL, NAMESPACE_REGISTRY
from syncropel.store.memory import MemoryStore
from tests.engine.rebuilt import rebuild
from tests.folds.build import WORKER_A, record

FREEZE = {"topic": "freeze", "level": "soft", "namespace": "docs", "reason": "x"}
UNFREEZE = {"topic": "unfreeze", "level": "soft", "namespace": "docs"}


class Worker:
    """A worker's log, and what it enforces."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=lambda: 0.0)
        self.ingest = Ingest(self.store, LiveFolds(), Broadcast(), WORKER_A, Runtime(now=lambda: 0.0))
        self.told = ControlAdoption(self.ingest, WORKER_A, Runtime(now=lambda: 0.0))

    async def hold(self, records: Sequence[Record]) -> None:
        """Put records into its log that nobody told it of."""
        await self.ingest.append(records, ruled=False)

    async def take(self, records: Sequence[Record], **message: Any) -> bool:
        whole = {"base": self.told.version, "records": [wire(one) for one in records], **message}
        return await self.told.take(whole)

    @property
    def frozen(self) -> list[str]:
        return sorted(self.ingest.live.control.freezes)

    async def accepts(self, act: str, namespace: str) -> bool:
        body = {"namespace": namespace, "n": self.store.count}
        (outcome,) = await self.ingest.append([record(act, self.store.count, body, thread="th_work")])
        return not isinstance(outcome, Exception)


def control(clock: int, body: dict[str, Any], **more: Any) -> Record:
    return record("LEARN", clock, body, thread=FLEET_CONTROL, **more)


def in_force(records: Sequence[Record]) -> ControlState:
    state = ControlState()
    for one in records:
        state.apply(StoredRecord(one, 0, 0.0))
    return state


async def test_a_restored_coordinator_that_uses_a_clock_again_is_followed() -> None:
    worker = Worker()
    assert await worker.take([control(0, FREEZE)])
    assert await worker.take([control(1, UNFREEZE)])
    again = control(0, {**FREEZE, "reason": "after the restore"})
    assert await worker.take([again])
    assert worker.frozen == ["docs"]
    assert worker.ingest.live.control.freezes["docs"].reason == "after the restore"
    assert worker.ingest.live.control.freezes["docs"].record == again.id
    assert not await worker.accepts("INTEND", "docs")
    assert digest(worker.ingest.live) == digest(in_force([again]))


async def test_what_the_coordinator_does_not_know_is_taken_back() -> None:
    worker = Worker()
    named = {"topic": "namespace_archived", "namespace": "old"}
    rule = {"topic": "permission_rule", "name": "a", "expression": "false", "effect": "deny"}
    await worker.hold(
        [
            control(5, FREEZE),
            control(6, {"topic": "freeze", "level": "emergency", "reason": "x"}),
            control(7, {"topic": "drain", "instance": "*", "state": "start"}),
            control(8, rule),
            record("LEARN", 5, named, thread=NAMESPACE_REGISTRY),
            record("LEARN", 6, {"topic": "namespace_strict", "strict": True}, thread=NAMESPACE_REGISTRY),
        ]
    )
    assert len(effects(worker.ingest.live)) == 6
    assert await worker.take([], replace=True)
    assert effects(worker.ingest.live) == {}
    assert await worker.accepts("INTEND", "old/x")
    assert (await rebuild(worker.store)).control == worker.ingest.live.control


async def test_a_lift_that_only_the_worker_was_given_does_not_stand() -> None:
    worker = Worker()
    freeze = control(3, FREEZE)
    await worker.take([freeze])
    await worker.hold([control(10**15, UNFREEZE)])
    assert worker.frozen == []
    assert worker.told.state()["digest"] != digest(in_force([freeze]))
    await worker.take([freeze], replace=True)
    assert not await worker.accepts("DO", "docs")
    assert worker.told.state()["digest"] == digest(in_force([freeze]))


async def test_what_was_long_on_its_way_changes_nothing_any_more() -> None:
    worker = Worker()
    before = worker.told.version
    await worker.take([control(0, FREEZE)])
    assert not await worker.take([control(1, UNFREEZE)], base=before)
    assert not await worker.take([], base=before, replace=True)
    assert worker.frozen == ["docs"]


async def test_what_is_in_force_already_is_not_said_again() -> None:
    worker = Worker()
    words = [control(0, FREEZE), control(1, {"topic": "drain", "instance": "*", "state": "start"})]
    for replace in (False, True, True):
        assert await worker.take(words, replace=replace)
    assert worker.store.count == 2


async def test_a_version_lasts_over_a_restart() -> None:
    worker = Worker()
    await worker.take([control(0, FREEZE)])
    ingest = Ingest(worker.store, await rebuild(worker.store), Broadcast(), WORKER_A, Runtime())
    again = ControlAdoption(ingest, WORKER_A, Runtime())
    await again.load()
    assert again.state() == worker.told.state()


@pytest.mark.parametrize("author", ["did:sync:user:ada", ""])
async def test_a_rule_keeps_who_wrote_it_and_stands_above_the_workers_own(author: str) -> None:
    worker = Worker()
    own = {"topic": "permission_rule", "name": "a", "expression": "true", "effect": "allow"}
    mine = record("LEARN", 0, own, thread="th_engine_config")
    await worker.hold([mine])
    # The fleet's word may repeat what this very worker said when it was a coordinator.
    body = {**own, "expression": "false", "effect": "deny", "rule": mine.id}
    told = control(0, {**body, "author": author} if author else body)
    await worker.take([told])
    rule = worker.ingest.live.rules.known["permission_rule", "a"]
    assert (rule.expression, rule.actor) == ("false", author or told.actor)


PLACES = st.sampled_from(["docs", "docs/a", "code", "*"])
BODIES = st.one_of(
    st.builds(
        lambda topic, level, place, secs: {
            "topic": topic,
            "level": level,
            "namespace": place,
            "grace_secs": secs,
        },
        st.sampled_from(["freeze", "unfreeze"]),
        st.sampled_from(["soft", "hard", "emergency"]),
        PLACES,
        st.integers(0, 2),
    ),
    st.builds(
        lambda instance, state: {"topic": "drain", "instance": instance, "state": state},
        st.sampled_from(["*", WORKER_A]),
        st.sampled_from(["start", "stop"]),
    ),
    st.builds(
        lambda name, expression, removed: {
            "topic": "permission_rule",
            "name": name,
            "expression": expression,
            "effect": "deny",
            "removed": removed,
        },
        st.sampled_from(["a", "freeze-soft"]),
        st.sampled_from(["true", "false"]),
        st.booleans(),
    ),
    st.builds(
        lambda topic, name: {"topic": topic, "namespace": name, "strict": name == "a"},
        st.sampled_from(["namespace_created", "namespace_archived", "namespace_deleted", "namespace_strict"]),
        st.sampled_from(["a", "b"]),
    ),
)


@st.composite
def control_logs(draw: st.DrawFn) -> list[Record]:
    """Records as a log has them: no two of one thread with one clock."""
    found = []
    for body, clock in draw(st.lists(st.tuples(BODIES, st.integers(0, 12)), max_size=8)):
        thread = NAMESPACE_REGISTRY if body["topic"].startswith("namespace") else FLEET_CONTROL
        found.append(record("LEARN", clock, body, thread=thread))
    return list({(one.thread, one.clock): one for one in found}.values())


@settings(max_examples=150, deadline=None)
@given(before=control_logs(), told=control_logs())
def test_whatever_was_before_the_set_of_the_coordinator_is_what_counts(
    before: list[Record], told: list[Record]
) -> None:
    async def story() -> None:
        worker = Worker()
        await worker.hold(before)
        want = in_force(told)
        assert await worker.take(told, replace=True)
        assert effects(worker.ingest.live) == effects(want)
        fresh = await rebuild(worker.store)
        assert effects(fresh) == effects(want), "the log alone says it, also after a restart"
        backwards = ControlState()
        async for chunk in worker.store.scan():
            for stored in reversed(chunk):
                backwards.apply(stored)
        assert effects(backwards) == effects(want), "in whatever order it is read"
        count = worker.store.count
        assert await worker.take(told, replace=True)
        assert worker.store.count == count

    asyncio.run(story())
