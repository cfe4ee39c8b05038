"""A call of many records is the same as many calls of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.cel.grammar import grammar
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.turns import turn_end
from syncropel.errors import (
    Conflict,
    NamespaceFrozen,
    NamespaceRejected,
    OwnWork,
    StoreError,
    SyncropelError,
)
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import STRICT_TOPIC
from syncropel.folds.control.rules import ENABLED_TOPIC, FREEZE_RULES, PERMISSION
from syncropel.folds.fanout.state import AMEND_JOIN, CHILD_DONE, SPAWNED
from syncropel.peer.runtime import Runtime
from syncropel.policy.authority import ANYONE, ENGINE, Writer
from syncropel.policy.authority import OPERATOR as OPERATOR_ITSELF
from syncropel.record.model import Record
from syncropel.record.threads import ENGINE_CONFIG, FLEET_CONTROL, NAMESPACE_REGISTRY
from syncropel.store.base import Appended, Judged, Outcome
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, OPERATOR, THREAD, WORKER_A, parent, record, spawned, store, subtask

NOW = 1_700_000_000.0


@pytest.fixture(scope="module", autouse=True)
def _parser() -> None:
    """The parser's tables are made once, which takes longer than one example may."""
    grammar()


class CountingStore(MemoryStore):
    """Counts calls, and fails from a certain one on."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW)
        self.calls: list[int] = []
        self.fails_from = 10**9

    async def append(
        self, records: Sequence[Record], settled: Any = None, judged: Judged | None = None
    ) -> list[Outcome]:
        self.calls.append(len(records))
        if len(self.calls) > self.fails_from:
            if settled is not None:
                settled([])
            raise StoreError("the disk is full", "make room")
        await asyncio.sleep(0)
        return await super().append(records, settled, judged)


def door() -> tuple[Ingest, CountingStore]:
    log = CountingStore()
    return Ingest(log, LiveFolds(), Broadcast(), COORDINATOR, Runtime(now=lambda: NOW)), log


def freeze(namespace: str = "docs", level: str = "soft", **more: Any) -> Record:
    body = {"topic": FREEZE, "level": level, "namespace": namespace, "reason": "x", "at": NOW, **more}
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", body)


def unfreeze(namespace: str = "docs") -> Record:
    return Record(FLEET_CONTROL, OPERATOR, "LEARN", {"topic": UNFREEZE, "namespace": namespace})


def write(act: str, thread: str = "th_a", actor: str = OPERATOR, **body: Any) -> Record:
    return Record(thread, actor, act, body)


def told(outcome: Outcome) -> tuple[Any, ...]:
    if isinstance(outcome, Appended):
        return outcome.created, outcome.stored.record.id, outcome.stored.sequence
    return type(outcome), outcome.message, outcome.hint


async def test_a_freeze_holds_for_what_comes_behind_it_in_the_call() -> None:
    ingest, _ = door()
    before, frozen, after, other, lifted, again = await ingest.append(
        [
            write("INTEND", namespace="docs"),
            freeze(),
            write("INTEND", "th_b", namespace="docs/v1"),
            write("INTEND", "th_c", namespace="code"),
            unfreeze(),
            write("INTEND", "th_b", namespace="docs/v1"),
        ]
    )
    assert isinstance(after, NamespaceFrozen)
    for outcome in (before, frozen, other, lifted, again):
        assert isinstance(outcome, Appended)


async def test_a_registry_and_rules_hold_for_what_comes_behind_them() -> None:
    ingest, _ = door()
    strict = write("LEARN", NAMESPACE_REGISTRY, topic=STRICT_TOPIC, strict=True)
    way_in = {"name": "in", "expression": f"thread == '{ENGINE_CONFIG}'", "effect": "allow"}
    rule = write("LEARN", ENGINE_CONFIG, topic=PERMISSION, **way_in)
    enabled = write("LEARN", ENGINE_CONFIG, topic=ENABLED_TOPIC, enabled=True)
    early, _, closed, _, _, denied = await ingest.append(
        [enabled, strict, write("KNOW", namespace="docs"), rule, enabled, write("KNOW", "th_b")]
    )
    assert isinstance(early, Conflict)
    assert isinstance(closed, NamespaceRejected)
    assert isinstance(denied, SyncropelError)
    assert denied.code == "PERMISSION_DENIED"


async def test_an_amendment_is_judged_with_the_fan_out_before_it() -> None:
    ingest, _ = door()
    amend = record("LEARN", 5, {"topic": AMEND_JOIN, "join": "k_of_n:9"})
    outcomes = await ingest.append([parent([subtask()]), amend])
    assert isinstance(outcomes[0], Appended)
    assert isinstance(outcomes[1], SyncropelError)


async def test_a_verdict_is_judged_by_the_work_before_it() -> None:
    ingest, log = door()
    task = write("INTEND", task=True, goal="g")
    records = [task, write("DO", actor=WORKER_A, topic="task_started"), write("KNOW", verdict="accept")]
    outcomes = await ingest.append(records)
    assert [type(one) for one in outcomes] == [Appended, Appended, Conflict]
    assert log.calls == [2, 0]
    await ingest.append([write("KNOW", "th_b"), write("KNOW", "th_b", verdict="accept")])
    assert log.calls[2:] == [2]


async def test_ordinary_records_share_one_commit() -> None:
    ingest, log = door()
    await ingest.append([write("KNOW", n=n) for n in range(100)])
    await ingest.append_one(freeze("elsewhere"))
    await ingest.append([write("INTEND", f"th_{n}", namespace="docs") for n in range(100)])
    await ingest.append([spawned(0, 5), spawned(1, 6), record("KNOW", 9)])
    assert log.calls == [100, 1, 100, 3]


async def test_a_call_is_cut_at_what_is_alone() -> None:
    ingest, log = door()
    records = [
        write("KNOW"),
        write("DO"),
        freeze(),
        unfreeze(),
        parent([subtask()]),
        write("DO"),
        write("KNOW"),
    ]
    await ingest.append(records)
    assert log.calls == [2, 1, 1, 1, 2]


async def test_what_the_engine_writes_of_its_own_shares_one_commit() -> None:
    ingest, log = door()
    control = [freeze("a"), unfreeze("b"), write("LEARN", ENGINE_CONFIG, topic="x")]
    await ingest.append(control, ruled=False)
    await ingest.append(control, together=True)
    assert log.calls == [3, 3]


async def test_a_disk_that_fails_in_the_middle_is_told_of_each_record_that_is_not_in_the_log() -> None:
    ingest, log = door()
    log.fails_from = 2
    outcomes = await ingest.append([write("KNOW"), freeze(), write("KNOW", n=1), write("KNOW", n=2)])
    assert [type(one) for one in outcomes] == [Appended, Appended, StoreError, StoreError]
    assert log.count == 2
    with pytest.raises(StoreError):
        await ingest.append([write("KNOW", n=3), freeze("b")])
    log.fails_from = 10**9
    assert isinstance(await ingest.append_one(freeze("b")), Appended)  # nobody is waited for in vain


async def test_two_fan_outs_of_a_thread_that_has_to_be_folded_anew() -> None:
    """The second is judged when the first is folded, not only when it is in the log."""
    ingest, _ = door()
    await ingest.append_one(record("DO", 9))
    outcomes = await asyncio.gather(
        ingest.append([parent([subtask()], clock=1)]),
        ingest.append([parent([subtask(), subtask()], clock=2)]),
        ingest.append([parent([subtask()], clock=3)]),
    )
    assert [type(one) for (one,) in outcomes] == [Appended, Conflict, Conflict]


_NAMESPACES = st.sampled_from(["docs", "docs/v1", "code", "default"])
_THREADS = st.sampled_from([THREAD, "th_a", "th_b"])
_CLOCKS = st.none() | st.integers(0, 6)
_ACTORS = st.sampled_from([OPERATOR, WORKER_A, COORDINATOR])
_RULES = (
    'record.namespace == "code" && record.act == "KNOW"',
    'record.namespaces.exists(n, n == "docs")',
    "thread(record.thread).records > 1",
    "true",
)


def _bodies() -> st.SearchStrategy[tuple[str, str, dict[str, Any]]]:
    """Act, thread and body of any record that judges or is judged."""
    named = st.fixed_dictionaries({}, optional={"namespace": _NAMESPACES})
    plain = st.tuples(st.sampled_from(["INTEND", "DO", "KNOW", "PUT", "GET"]), _THREADS, named)
    levels = st.sampled_from(["soft", "hard", "emergency"])
    freezes = st.builds(
        lambda topic, level, namespace, terminate: (
            "LEARN",
            FLEET_CONTROL,
            {
                "topic": topic,
                "level": level,
                "namespace": namespace,
                "grace_secs": 0,
                "at": NOW,
                "terminate": terminate,
            },
        ),
        st.sampled_from([FREEZE, UNFREEZE]),
        levels,
        _NAMESPACES,
        st.booleans(),
    )
    registry = st.builds(
        lambda topic, namespace: ("LEARN", NAMESPACE_REGISTRY, {"topic": topic, "namespace": namespace}),
        st.sampled_from(["namespace_created", "namespace_archived", STRICT_TOPIC]),
        _NAMESPACES,
    )
    rules = st.builds(
        lambda name, expression, effect, removed: (
            "LEARN",
            ENGINE_CONFIG,
            {
                "topic": PERMISSION,
                "name": name,
                "expression": expression,
                "effect": effect,
                **({"removed": True} if removed else {}),
            },
        ),
        st.sampled_from(["a", "b", next(iter(FREEZE_RULES))]),
        st.sampled_from(_RULES),
        st.sampled_from(["allow", "deny"]),
        st.booleans(),
    )
    switch = st.builds(
        lambda on: ("LEARN", ENGINE_CONFIG, {"topic": ENABLED_TOPIC, "enabled": on}), st.booleans()
    )
    fan_outs = st.builds(
        lambda count, namespace: (
            "INTEND",
            THREAD,
            {"task": True, "subtasks": [subtask()] * count, "join": "all", "namespace": namespace},
        ),
        st.integers(0, 2),
        _NAMESPACES,
    )
    facts = st.builds(
        lambda topic, index, verdict: (
            "DO",
            THREAD,
            {"topic": topic, "index": index, "attempt": 1, "verdict": verdict},
        ),
        st.sampled_from([SPAWNED, CHILD_DONE]),
        st.integers(0, 1),
        st.sampled_from(["accept", "failed"]),
    )
    ended = st.just(("KNOW", "th_a", {"verdict": "terminated", "namespace": "docs"}))
    bodies = [
        {"task": True, "goal": "g"},
        {"topic": "task_started"},
        {"verdict": "accept"},
        {"fulfills": "a"},
    ]
    work = st.tuples(st.sampled_from(["INTEND", "DO", "KNOW"]), _THREADS, st.sampled_from(bodies))
    return st.one_of(
        plain, plain, plain, work, work, freezes, registry, rules, switch, fan_outs, facts, ended
    )


@st.composite
def calls(draw: st.DrawFn) -> list[Record]:
    made = []
    for act, thread, body in draw(st.lists(_bodies(), min_size=1, max_size=10)):
        clock = draw(_CLOCKS)
        one = Record(thread, draw(_ACTORS), act, body, clock)
        made.append(one.identified())
        if draw(st.integers(0, 9)) == 0:
            made.append(made[0])
    return made


@settings(max_examples=250)
@given(calls(), st.sampled_from([ENGINE, OPERATOR_ITSELF, ANYONE, Writer("fleet"), Writer("coordinator")]))
def test_a_batch_equals_the_same_records_one_by_one(records: list[Record], by: Writer) -> None:
    async def both() -> None:
        (batch, one_log), (single, other_log) = door(), door()
        together = [told(one) for one in await batch.append(records, writer=by)]
        alone = [told((await single.append([one], writer=by))[0]) for one in records]
        assert together == alone
        assert [one async for chunk in one_log.scan() for one in chunk] == [
            one async for chunk in other_log.scan() for one in chunk
        ]
        await batch.denials.flush()
        await single.denials.flush()

    asyncio.run(both())


@pytest.mark.parametrize(
    ("expression", "ends"),
    [
        ("true", 3),
        ('record.thread == "th_a"', 3),
        ('thread == "th_a"', 3),
        ('thread("th_a").records > 3', 1),
        ('task ( "T-1").status == "open"', 1),
        ("trust // of whom?\n (actor) > 0.5", 1),
        ("fleet_instances_live() > 1", 1),
        ('fanout_status("T").accepted > 1', 1),
        ("has(record.body.tasks) && size(record.body.tasks) > 2", 3),
    ],
)
def test_a_rule_that_looks_at_the_log_is_asked_after_each_record(expression: str, ends: int) -> None:
    rule: dict[str, Any] = {"topic": PERMISSION, "name": "r", "expression": expression, "effect": "allow"}
    live = LiveFolds()
    for stored in store(
        record("LEARN", clock, body, thread=ENGINE_CONFIG)
        for clock, body in enumerate([rule, {"topic": ENABLED_TOPIC, "enabled": True}])
    ):
        live.apply(stored)
    assert turn_end([write("KNOW"), write("KNOW"), write("KNOW")], 0, live) == ends


DEV, REVIEWER = "did:sync:agent:dev", "did:sync:agent:reviewer"
TASK = record("INTEND", 0, {"task": True, "goal": "g", "alias": "T-1"}, thread="th_a")
DONE = write("KNOW", actor=DEV, fulfills=TASK.id)


def approval(actor: str = REVIEWER) -> Record:
    return write("KNOW", actor=actor, verdict="accept")


@pytest.mark.parametrize("known", [True, False])
async def test_a_verdict_is_judged_with_the_work_before_it_in_the_call(known: bool) -> None:
    ingest, _ = door()
    if known:
        await ingest.append([TASK])
    calls = [approval(), DONE, approval(DEV), write("DO", actor=REVIEWER), approval(), approval(OPERATOR)]
    outcomes = await ingest.append(calls if known else [TASK, *calls])
    early, done, own, helped, others, good = outcomes[-6:]
    assert isinstance(early, Conflict), "it was open"
    assert isinstance(own, OwnWork)
    assert isinstance(others, OwnWork), "they had helped"
    for outcome in (done, helped, good):
        assert isinstance(outcome, Appended)
    assert ingest.live.tasks["th_a"].verdict_by == OPERATOR


@pytest.mark.parametrize("first", ["work", "verdict"])
async def test_of_work_and_a_verdict_at_once_the_later_is_judged_with_the_earlier(first: str) -> None:
    ingest, _ = door()
    await ingest.append([TASK, DONE])
    work, judged = write("DO", actor=REVIEWER), approval()
    order = [work, judged] if first == "work" else [judged, work]
    outcomes = await asyncio.gather(*(ingest.append([one]) for one in order))
    verdict = outcomes[order.index(judged)][0]
    if first == "work":
        assert isinstance(verdict, OwnWork)
    else:
        assert isinstance(verdict, Appended)


async def test_a_task_that_was_cancelled_at_the_same_time_is_not_approved() -> None:
    ingest, _ = door()
    await ingest.append([TASK, DONE])
    cancelled = write("DO", topic="task_cancelled")
    (gone,), (verdict,) = await asyncio.gather(ingest.append([cancelled]), ingest.append([approval()]))
    assert isinstance(gone, Appended)
    assert isinstance(verdict, Conflict)
    assert ingest.live.tasks["th_a"].status == "cancelled"
