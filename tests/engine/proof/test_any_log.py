"""Whatever is appended, however it interleaves: the log proves that nothing got past a freeze.

Callers write at once, in calls with ruling records inside; history is restored between them; and another
writer's ruling records come into the log between the judgement of a call and its commit, as they would when
another coordinator took over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.cel.grammar import grammar
from syncropel.daemon.verifying import verify
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.proof.proof import Proof
from syncropel.errors import SyncropelError
from syncropel.folds.control.namespaces import STRICT_TOPIC
from syncropel.folds.control.rules import ENABLED_TOPIC, FREEZE_RULES, PERMISSION
from syncropel.folds.fanout.state import SPAWNED
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import ENGINE_CONFIG, NAMESPACE_REGISTRY
from syncropel.settings.home import Home
from syncropel.settings.identity import load_or_create_identity, make_home
from syncropel.store.base import Appended, Judged, Outcome, RecordStore, Settled
from syncropel.store.bundle.format import Bundled
from syncropel.store.memory import MemoryStore
from syncropel.store.refusals import Moved
from syncropel.store.sqlite.store import SqliteStore
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, parent, subtask

from .logs import NOW, freeze, leading, unfreeze, write

_NAMESPACES = st.sampled_from(["docs", "docs/v1", "code", "default"])
_THREADS = st.sampled_from(["th_a", "th_b", "th_c", "th_d"])
_ACTS = st.sampled_from(["INTEND", "INTEND", "DO", "KNOW", "PUT", "GET"])
_OLD = "a" * 64


@pytest.fixture(scope="module", autouse=True)
def _parser() -> None:
    """The parser's tables are made once, which takes longer than one example may."""
    grammar()


def _freezes() -> st.SearchStrategy[Record]:
    return st.builds(
        lambda level, namespace, grace: freeze(namespace, level=level, grace_secs=grace),
        st.sampled_from(["soft", "hard", "emergency"]),
        _NAMESPACES,
        st.sampled_from([0, 10, 100]),
    )


def _lifts() -> st.SearchStrategy[Record]:
    return st.sampled_from(
        [*map(unfreeze, ["docs", "docs/v1", "code", "default"]), unfreeze("*", level="emergency")]
    )


def _work() -> st.SearchStrategy[Record]:
    bodies: list[dict[str, Any]] = [
        {},
        {"task": True, "goal": "g"},
        {"parent_thread": "th_p", "parent_intend": _OLD, "index": 0, "goal": "g"},
        {"parent_thread": "th_p", "parent_intend": _OLD, "index": 0, "goal": "g", "attempt": 2},
        {"sub_thread": "th_c"},
        {"sub_thread": "th_d"},
        {"verdict": "terminated"},
    ]
    named = st.fixed_dictionaries({}, optional={"namespace": _NAMESPACES})
    return st.builds(
        lambda act, thread, actor, body, more: Record(thread, actor, act, {**body, **more}),
        _ACTS,
        _THREADS,
        st.sampled_from([OPERATOR, COORDINATOR, WORKER_A]),
        st.sampled_from(bodies),
        named,
    )


def _others() -> st.SearchStrategy[Record]:
    rule = {"topic": PERMISSION, "name": next(iter(FREEZE_RULES)), "effect": "deny"}
    fan_out = parent([subtask(), subtask()], namespace="docs")
    return st.sampled_from(
        [
            write("LEARN", NAMESPACE_REGISTRY, topic="namespace_created", namespace="docs"),
            write("LEARN", NAMESPACE_REGISTRY, topic=STRICT_TOPIC, strict=False),
            write("LEARN", ENGINE_CONFIG, topic=ENABLED_TOPIC, enabled=False),
            write("LEARN", ENGINE_CONFIG, **rule, expression="false"),
            write("LEARN", ENGINE_CONFIG, **rule, expression=next(iter(FREEZE_RULES.values()))),
            write("DO", "th_a", topic=SPAWNED, child_thread="th_b"),
            Record("th_a", fan_out.actor, fan_out.act, fan_out.body),
            leading(2),
            leading(5),
        ]
    )


_RECORDS = st.lists(
    st.one_of(_work(), _work(), _work(), _freezes(), _lifts(), _others()), min_size=1, max_size=6
)


@dataclass(frozen=True)
class Step:
    """What one caller does: wait so many turns of the loop, let some seconds pass, then write."""

    waits: int
    passes: float
    records: list[Record]
    how: str


_STEPS = st.builds(
    Step,
    st.integers(0, 4),
    st.sampled_from([0.0, 0.0, 1.0, 8.0, 50.0]),
    _RECORDS,
    st.sampled_from(["posted", "posted", "posted", "own", "together", "restored"]),
)
_CALLERS = st.lists(st.lists(_STEPS, min_size=1, max_size=3), min_size=1, max_size=4)


class Shared(MemoryStore):
    """Another writer's ruling records may come first; the folds hear of them, as those of a standby would."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.live = LiveFolds()
        self.foreign: list[Record | None] = []

    async def append(
        self, records: Sequence[Record], settled: Settled | None = None, judged: Judged | None = None
    ) -> list[Outcome]:
        await asyncio.sleep(0)
        if self.foreign and (first := self.foreign.pop()) is not None:
            for outcome in await super().append([first], None, Judged(1, 0) if judged is None else None):
                if isinstance(outcome, Appended) and outcome.created:
                    self.live.apply(outcome.stored)
        return await super().append(records, settled, judged)


@dataclass
class Clock:
    now: float = NOW
    boot: float = field(default=500.0)

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.boot += seconds


async def interleave(ingest: Ingest, clock: Clock, callers: Sequence[Sequence[Step]]) -> None:
    async def call(steps: Sequence[Step]) -> None:
        for step in steps:
            for _ in range(step.waits):
                await asyncio.sleep(0)
            clock.passes(step.passes)
            refused = SyncropelError if step.how == "restored" else Moved
            with suppress(refused):
                await write_as(ingest, clock, step)

    await asyncio.gather(*map(call, callers))
    await ingest.denials.flush()


async def write_as(ingest: Ingest, clock: Clock, step: Step) -> None:
    if step.how == "restored":
        placed = [record.with_clock(at) for at, record in enumerate(step.records, 1000)]
        await ingest.restore(
            [Bundled(record, clock.now, line) for line, record in enumerate(placed, 1)],
            lambda outcomes: all(isinstance(one, Appended) for one in outcomes),
            tell=False,
        )
    elif step.how == "posted":
        await ingest.append(step.records)
    else:
        await ingest.append(step.records, together=step.how == "together", ruled=step.how == "together")


def door(store: RecordStore, clock: Clock, live: LiveFolds, did: str = COORDINATOR) -> Ingest:
    runtime = Runtime(now=clock, boottime=lambda: clock.boot, boot_id=lambda: "this boot")
    return Ingest(store, live, Broadcast(), did, runtime)


async def proof_of(store: RecordStore) -> Proof:
    def intends(thread: str, through: int) -> list[StoredRecord]:
        return [one for one in store.thread_through(thread, through) if one.record.act == "INTEND"]

    with closing(Proof(intends, COORDINATOR)) as proof:
        async for some in store.entries():
            for entry in some:
                proof.take(entry)
        return proof


@settings(max_examples=300, deadline=None)
@given(_CALLERS, st.lists(st.none() | st.none() | _freezes() | _lifts(), max_size=20))
def test_whatever_interleaves_nothing_gets_past_a_freeze(
    callers: list[list[Step]], foreign: list[Record | None]
) -> None:
    async def run() -> None:
        clock = Clock()
        store = Shared(clock)
        store.foreign = foreign
        await interleave(door(store, clock, store.live), clock, callers)
        proof = await proof_of(store)
        assert [one.words() for one in proof.violations] == []
        assert proof.judged + proof.elsewhere == store.count

    asyncio.run(run())


@settings(max_examples=25, deadline=None)
@given(_CALLERS)
def test_a_log_on_disk_proves_it_as_well(callers: list[list[Step]]) -> None:
    async def run(home: Home, did: str) -> int:
        clock = Clock()
        store = await SqliteStore.open(home.store, clock=clock)
        try:
            await interleave(door(store, clock, LiveFolds(), did), clock, callers)
            return store.count
        finally:
            await store.close()

    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        make_home(home)
        identity = load_or_create_identity(home)
        count = asyncio.run(run(home, identity.did))
        found = verify(home)
        assert found["problems"] == []
        assert found["judged"] + found["restored"] == count
