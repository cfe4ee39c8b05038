"""A freeze is confirmed by whoever enforces it, and by nobody else."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from syncropel.engine.control.control_adoption import ControlAdoption
from syncropel.engine.control.propagation import ControlPropagation
from syncropel.engine.ingest.broadcast import Broadcast, ChangeSignal
from syncropel.engine.ingest.door import Ingest
from syncropel.engine.ingest.live import LiveFolds
from syncropel.errors import DaemonUnreachable
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.peer.peers import OlderPeer, Peers, wire
from syncropel.peer.runtime import Runtime
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL, INSTANCE_REGISTRY
from syncropel.store.memory import MemoryStore
from tests.folds.build import COORDINATOR, WORKER_A, WORKER_B, record

_BODY = {"topic": FREEZE, "level": "soft", "namespace": "docs", "reason": "x"}
FREEZE_DOCS = record("LEARN", 0, _BODY, thread=FLEET_CONTROL)
THAW_DOCS = record("LEARN", 1, {**_BODY, "topic": UNFREEZE}, thread=FLEET_CONTROL)
FREEZE_AGAIN = record("LEARN", 2, _BODY, thread=FLEET_CONTROL)


@pytest.mark.parametrize(
    "other",
    [
        "no record",
        {},
        {**wire(FREEZE_DOCS), "act": "WISH"},
        wire(record("LEARN", 0, {}, thread="th_elsewhere")),
    ],
)
async def test_a_freeze_is_taken_beside_what_cannot_be_read(other: Any) -> None:
    store = MemoryStore(clock=lambda: 0.0)
    ingest = Ingest(store, LiveFolds(), Broadcast(), WORKER_A, Runtime())
    told = {"base": None, "records": [other, wire(FREEZE_DOCS)]}
    assert await ControlAdoption(ingest, WORKER_A, Runtime()).take(told)
    assert list(ingest.live.control.freezes) == ["docs"]
    assert store.count == 1


class Worker:
    """A worker's log and ear, and what it answers on the wire."""

    def __init__(self) -> None:
        self.ingest = Ingest(MemoryStore(clock=lambda: 0.0), LiveFolds(), Broadcast(), WORKER_A, Runtime())
        self.told = ControlAdoption(self.ingest, WORKER_A, Runtime())
        self.did = WORKER_A
        self.heard: list[dict[str, Any]] = []

    async def control(self, message: dict[str, Any]) -> dict[str, Any]:
        self.heard.append(message)
        taken = await self.told.take(message)
        return {"did": self.did, "taken": taken, **self.told.state()}


class Wire(Peers):
    """The way to one worker; `answering` may put something in between."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(lambda _: ())
        self.worker = worker
        self.answering: Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]] = worker.control
        self.posted: list[Record] = []

    async def control(self, endpoint: str, message: dict[str, Any]) -> dict[str, Any]:
        return await self.answering(message)

    async def post_records(self, endpoint: str, records: Any, to: str = "") -> list[dict[str, Any]]:
        self.posted += records
        return [{"status": "created"} for _ in records]


class Fleet:
    """A coordinator that knows one worker."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        runtime = runtime or Runtime()
        self.worker = Worker()
        self.wire = Wire(self.worker)
        self.pushes: list[asyncio.Task[None]] = []
        store = MemoryStore(clock=lambda: 0.0)
        self.changed = ChangeSignal()
        self.ingest = Ingest(store, LiveFolds(), Broadcast(), COORDINATOR, runtime)
        self.reach = ControlPropagation(
            self.ingest, self.wire, COORDINATOR, runtime, self.changed, self.spawn
        )

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        self.pushes.append(asyncio.create_task(work, name=name))
        return self.pushes[-1]

    async def start(self) -> None:
        body = {"topic": "instance_state", "did": WORKER_A, "alias": "worker-a", "state": "joined", "at": 1}
        await self.say(record("KNOW", 0, body, thread=INSTANCE_REGISTRY))
        await self.reach.load()
        await self.reach.ensure(WORKER_A)

    async def say(self, one: Record) -> None:
        await self.ingest.append([one], ruled=False)

    async def settle(self) -> None:
        while self.pushes:
            await self.pushes.pop()

    def confirmed(self, one: Record) -> bool:
        return WORKER_A in self.reach.confirmed_at(one.id)


@pytest.fixture
async def fleet() -> Fleet:
    fleet = Fleet()
    await fleet.start()
    return fleet


async def test_a_push_takes_one_message_and_is_confirmed_by_the_answer(fleet: Fleet) -> None:
    fleet.worker.heard.clear()
    await fleet.say(FREEZE_DOCS)
    assert not fleet.confirmed(FREEZE_DOCS)
    await fleet.settle()
    assert fleet.confirmed(FREEZE_DOCS)
    assert len(fleet.worker.heard) == 1
    await fleet.say(THAW_DOCS)
    await fleet.settle()
    assert fleet.confirmed(THAW_DOCS)
    assert not fleet.confirmed(FREEZE_DOCS), "it counts no more"
    assert [len(message["records"]) for message in fleet.worker.heard] == [1, 1]


async def test_who_has_the_record_and_does_not_enforce_it_has_not_confirmed(fleet: Fleet) -> None:
    """The lift that a stranger gave to this worker alone is taken back before anything is confirmed."""
    lift = record("LEARN", 10**15, {**_BODY, "topic": UNFREEZE}, thread=FLEET_CONTROL)

    async def lifted_at_once(message: dict[str, Any]) -> dict[str, Any]:
        answer = await fleet.worker.control(message)
        if fleet.worker.ingest.store.count == 1:
            await fleet.worker.ingest.append([lift], ruled=False)
            answer |= fleet.worker.told.state()
        return answer

    fleet.wire.answering = lifted_at_once
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    assert fleet.confirmed(FREEZE_DOCS)
    assert list(fleet.worker.ingest.live.control.freezes) == ["docs"]


async def test_an_instance_that_never_enforces_it_never_confirms_and_is_given_no_work(fleet: Fleet) -> None:
    async def deaf(message: dict[str, Any]) -> dict[str, Any]:
        return {"did": WORKER_A, "taken": True, **fleet.worker.told.state()}

    fleet.wire.answering = deaf
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    assert not fleet.confirmed(FREEZE_DOCS)
    with pytest.raises(DaemonUnreachable, match="does not enforce"):
        await fleet.reach.ensure(WORKER_A)


async def test_another_instance_at_its_address_confirms_nothing_for_it(fleet: Fleet) -> None:
    fleet.worker.did = WORKER_B
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    assert not fleet.confirmed(FREEZE_DOCS)
    with pytest.raises(DaemonUnreachable, match="is not worker-a any more"):
        await fleet.reach.ensure(WORKER_A)


async def test_an_answer_to_the_first_freeze_does_not_confirm_the_second(fleet: Fleet) -> None:
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    now = fleet.worker.told.state()
    fleet.wire.answering = _unreachable
    await fleet.say(THAW_DOCS)
    await fleet.say(FREEZE_AGAIN)
    await fleet.settle()
    answer = fleet.reach.answer(WORKER_A, now["digest"], now["version"])
    assert not fleet.confirmed(FREEZE_AGAIN), "the lift may still be on its way there"
    assert [one["clock"] for one in answer["control"]] == [2]
    assert (answer["base"], answer["replace"]) == (now["version"], False)


async def test_who_has_lost_what_it_confirmed_has_not_confirmed_it_any_more(fleet: Fleet) -> None:
    before = fleet.worker.told.state()
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    answer = fleet.reach.answer(WORKER_A, before["digest"], before["version"])
    assert not fleet.confirmed(FREEZE_DOCS)
    assert len(answer["control"]) == 1
    unknown = fleet.reach.answer(WORKER_A, "f" * 64, "e" * 64)
    assert (unknown["replace"], len(unknown["control"])) == (True, 1)


async def test_a_worker_that_knows_more_is_told_to_forget_it(fleet: Fleet) -> None:
    await fleet.worker.ingest.append([FREEZE_DOCS], ruled=False)
    answer = fleet.reach.answer(WORKER_A, *(fleet.worker.told.state()[key] for key in ("digest", "version")))
    assert (answer["replace"], answer["control"]) == (True, [])
    assert await fleet.worker.told.take({**answer, "records": answer["control"]})
    assert fleet.worker.ingest.live.control.freezes == {}


async def test_while_one_push_hangs_no_more_than_one_waits(fleet: Fleet) -> None:
    hanging = asyncio.Event()

    async def hang(message: dict[str, Any]) -> dict[str, Any]:
        await hanging.wait()
        return await fleet.worker.control(message)

    fleet.wire.answering = hang
    for one in (FREEZE_DOCS, THAW_DOCS, FREEZE_AGAIN):
        await fleet.say(one)
        await asyncio.sleep(0)
    assert len(fleet.pushes) == 2
    hanging.set()
    await fleet.settle()
    assert fleet.confirmed(FREEZE_AGAIN)


async def test_an_older_instance_is_sent_records(fleet: Fleet) -> None:
    async def older(message: dict[str, Any]) -> dict[str, Any]:
        raise OlderPeer("HTTP 404")

    fleet.wire.answering = older
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    assert fleet.wire.posted == [FREEZE_DOCS]
    assert fleet.confirmed(FREEZE_DOCS)
    answer = fleet.reach.answer(WORKER_A, "f" * 64, None)
    assert answer == {"control": [wire(FREEZE_DOCS)]}
    assert not fleet.confirmed(FREEZE_DOCS)


async def test_an_instance_that_may_have_lost_what_it_enforced_is_asked_again(fleet: Fleet) -> None:
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    fleet.worker.heard.clear()
    fleet.reach.push(WORKER_A)
    await fleet.settle()
    assert fleet.worker.heard == [], "it confirmed that"
    fleet.reach.push(WORKER_A, anew=True)
    await fleet.settle()
    assert len(fleet.worker.heard) == 1
    assert fleet.confirmed(FREEZE_DOCS)


async def test_a_push_that_fails_again_for_the_same_reason_is_logged_once(
    fleet: Fleet, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.wire.answering = _unreachable
    for one in (FREEZE_DOCS, THAW_DOCS):
        await fleet.say(one)
        await fleet.settle()
    assert [one.getMessage() for one in caplog.records] == [
        f"control did not reach {WORKER_A}: nobody there; trying again when it is heard"
    ]
    fleet.wire.answering = fleet.worker.control
    fleet.reach.push(WORKER_A)
    await fleet.settle()
    fleet.wire.answering = _unreachable
    await fleet.say(FREEZE_AGAIN)
    await fleet.settle()
    assert len(caplog.records) == 2, "it was reached between"


async def test_only_an_older_instance_confirms_by_the_ids_of_the_records_that_it_has(fleet: Fleet) -> None:
    """One that says what it enforces, and enforces something else, has not confirmed by naming them."""
    fleet.wire.answering = _unreachable
    await fleet.say(FREEZE_DOCS)
    await fleet.settle()
    ids = hashlib.sha256(FREEZE_DOCS.id.encode()).hexdigest()
    assert fleet.reach.answer(WORKER_A, ids, "e" * 64)["control"]
    assert not fleet.confirmed(FREEZE_DOCS)
    assert fleet.reach.answer(WORKER_A, ids, None) == {"control": []}
    assert fleet.confirmed(FREEZE_DOCS)


async def _unreachable(message: dict[str, Any]) -> dict[str, Any]:
    raise DaemonUnreachable("nobody there")
