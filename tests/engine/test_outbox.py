"""The outbox: which reports still have to go out follows from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncropel.engine.fanout.outbox import Outbox, report
from syncropel.engine.ingest.broadcast import Broadcast
from syncropel.engine.ingest.door import Ingest
from syncropel.errors import DaemonUnreachable
from syncropel.folds.fanout.child import ChildIntend, ChildResult
from syncropel.peer.peers import Peers
from syncropel.record.model import Record
from syncropel.store.memory import MemoryStore
from tests.engine import virtual
from tests.engine.rebuilt import rebuild
from tests.folds.build import COORDINATOR, WORKER_A, parent, record, spawned, subtask

PARENT = "ab" * 32


def intend(index: int, coordinator: str = COORDINATOR, attempt: int = 1) -> Record:
    body = {
        "goal": "sweep",
        "parent_thread": "th_parent",
        "parent_intend": PARENT,
        "index": index,
        "attempt": attempt,
        "coordinator": coordinator,
        "report_clock": 100 + index,
        "namespace": "docs",
    }
    return record("INTEND", attempt, body, actor=coordinator, thread=f"th_child_{index}")


def result(of: Record, verdict: str = "accept", **more: Any) -> Record:
    body = {"fulfills": of.id, "verdict": verdict, "summary": "swept", "cost_usd": 0.5, "at": 9, **more}
    assert of.clock is not None
    return record("KNOW", of.clock + 10, body, actor=WORKER_A, thread=of.thread, parents=[of.id])


class Coordinator(Peers):
    """The other side: remembers what came."""

    def __init__(self) -> None:
        super().__init__(lambda to: ())
        self.down = False
        self.came: list[Record] = []

    async def post_records(
        self, endpoint: str, records: Sequence[Record], to: str = ""
    ) -> list[dict[str, Any]]:
        if self.down:
            raise DaemonUnreachable("nobody there")
        known = {one.id for one in self.came}
        self.came += records
        return [{"status": "duplicate" if one.id in known else "created"} for one in records]


class Worker:
    """One process of a worker. The store and the coordinator outlive it."""

    def __init__(self, store: MemoryStore, coordinator: Coordinator) -> None:
        self.store = store
        self.coordinator = coordinator

    async def open(self) -> Worker:
        runtime = virtual.runtime()
        self.ingest = Ingest(self.store, await rebuild(self.store), Broadcast(), WORKER_A, runtime)
        self.outbox = Outbox(self.ingest, self.coordinator, WORKER_A, "http://c", runtime)
        await self.outbox.resume()
        self.tasks = [asyncio.ensure_future(run()) for run in self.outbox.runners]
        return self

    async def crash(self) -> Worker:
        for task in self.tasks:
            task.cancel()
        return await Worker(self.store, self.coordinator).open()

    def told(self) -> list[tuple[int, str]]:
        return [(one.body["index"], one.body["verdict"]) for one in self.coordinator.came]


def with_worker(story: Callable[[Worker], Coroutine[Any, Any, None]]) -> None:
    async def tell() -> None:
        coordinator = Coordinator()
        await story(await Worker(MemoryStore(clock=lambda: 0.0), coordinator).open())
        await coordinator.close()

    virtual.run(tell())


def test_a_report_follows_from_the_log_alone() -> None:
    asked, came = intend(3), result(intend(3), reason="drained", output="/w/attempt-1.log")
    made = report(
        ChildIntend(asked.id, asked.thread, 1, asked.body),
        ChildResult(came.id, asked.id, came.body),
        WORKER_A,
    )
    assert (made.thread, made.actor, made.act, made.clock) == ("th_parent", WORKER_A, "DO", 103)
    assert made.parents == (PARENT,)
    assert made.body == {
        "topic": "fanout_child_done",
        "index": 3,
        "attempt": 1,
        "child_thread": "th_child_3",
        "worker": WORKER_A,
        "verdict": "accept",
        "summary": "swept",
        "cost_usd": 0.5,
        "wall_time_secs": 0,
        "namespace": "docs",
        "at": 9,
        "output": "/w/attempt-1.log",
        "reason": "drained",
    }


@pytest.mark.parametrize(
    ("promised", "clock"), [(0, 0), (7, 7), (-1, None), (True, None), ("7", None), (None, None)]
)
def test_a_report_has_the_clock_that_it_was_promised(promised: Any, clock: int | None) -> None:
    asked = intend(3)
    body = {**asked.body, "report_clock": promised}
    found = report(
        ChildIntend(asked.id, asked.thread, 1, body),
        ChildResult("r", asked.id, {"verdict": "failed"}),
        WORKER_A,
    )
    assert found.clock == clock
    told = {key: found.body[key] for key in ("summary", "cost_usd", "wall_time_secs", "at", "verdict")}
    assert told == {"summary": "", "cost_usd": 0, "wall_time_secs": 0, "at": 0, "verdict": "failed"}


def test_each_result_is_reported_once() -> None:
    async def story(worker: Worker) -> None:
        await worker.ingest.append([intend(0), intend(1)])
        await asyncio.sleep(1)
        assert worker.told() == []
        await worker.ingest.append([result(intend(0)), result(intend(1), "failed")])
        await asyncio.sleep(60)
        assert worker.told() == [(0, "accept"), (1, "failed")]
        assert len(worker.outbox) == 0

    with_worker(story)


def test_what_was_not_acknowledged_goes_out_after_a_crash_and_only_that() -> None:
    async def story(worker: Worker) -> None:
        await worker.ingest.append([intend(0), result(intend(0))])
        await asyncio.sleep(1)
        worker.coordinator.down = True
        await worker.ingest.append([intend(1), result(intend(1))])
        await asyncio.sleep(30)
        assert worker.told() == [(0, "accept")]
        again = await worker.crash()
        assert len(again.outbox) == 1
        again.coordinator.down = False
        await asyncio.sleep(10)
        assert again.told() == [(0, "accept"), (1, "accept")]
        third = await again.crash()
        await asyncio.sleep(10)
        assert (third.told(), len(third.outbox)) == (again.told(), 0)

    with_worker(story)


def test_an_acknowledgement_that_was_lost_only_sends_the_same_record_again() -> None:
    async def story(worker: Worker) -> None:
        await worker.ingest.append([intend(0), result(intend(0))])
        await asyncio.sleep(1)
        worker.store._acknowledged.clear()
        await worker.crash()
        await asyncio.sleep(1)
        assert [one.id for one in worker.coordinator.came] == [worker.coordinator.came[0].id] * 2

    with_worker(story)


def test_every_attempt_is_reported() -> None:
    async def story(worker: Worker) -> None:
        first, second = intend(0), intend(0, attempt=2)
        await worker.ingest.append([first, second, result(second), result(first, "terminated")])
        await asyncio.sleep(1)
        assert {(one.body["attempt"], one.body["verdict"]) for one in worker.coordinator.came} == {
            (1, "terminated"),
            (2, "accept"),
        }

    with_worker(story)


def test_what_this_instance_asked_of_itself_is_told_here() -> None:
    async def story(worker: Worker) -> None:
        begun = [parent([subtask()], clock=0), spawned(0, 99)]
        await worker.ingest.append([replace(one, thread="th_parent", id="") for one in begun])
        await worker.ingest.append([intend(0, WORKER_A), result(intend(0, WORKER_A))])
        await asyncio.sleep(1)
        assert worker.told() == []
        kept = (await worker.store.thread("th_parent"))[-1]
        assert kept.record.body["verdict"] == "accept"
        assert kept.record.clock == 100

    with_worker(story)


@pytest.mark.parametrize(
    "body", [{"verdict": "accept"}, {"fulfills": "cd" * 32, "verdict": "accept"}, {"fulfills": 3}]
)
def test_what_is_no_result_of_a_child_is_not_reported(body: dict[str, Any]) -> None:
    async def story(worker: Worker) -> None:
        await worker.ingest.append([intend(0), record("KNOW", 50, body, thread="th_child_0")])
        await asyncio.sleep(1)
        assert worker.told() == []

    with_worker(story)


def test_flushing_tries_once() -> None:
    async def story(worker: Worker) -> None:
        worker.coordinator.down = True
        await worker.ingest.append([intend(0), result(intend(0))])
        await worker.outbox.flush()
        assert len(worker.outbox) == 1
        worker.coordinator.down = False
        await worker.outbox.flush()
        assert worker.told() == [(0, "accept")]

    with_worker(story)


def taken_clock(**known: str) -> dict[str, Any]:
    error = {"message": "DuplicateClock: did:x has another record at clock 100 on th_parent"}
    return {"status": "error", "error": error, **({"known": known} if known else {})}


@pytest.mark.parametrize(
    ("outcome", "taken", "told"),
    [
        ({"status": "created"}, True, ""),
        ({"status": "duplicate"}, True, ""),
        (taken_clock(worker=WORKER_A, verdict="accept"), True, ""),
        (taken_clock(worker=WORKER_A, verdict="failed"), False, "it says 'failed'"),
        (taken_clock(worker="did:y", verdict="accept"), False, "it says 'accept'"),
        (taken_clock(), False, "not a result of this attempt"),
        ({"status": "error", "error": {"message": "not given to you"}}, False, "not given to you"),
        ({"status": "error"}, False, "refused"),
    ],
)
def test_a_report_counts_as_taken_only_when_the_same_is_known(
    outcome: dict[str, Any], taken: bool, told: str
) -> None:
    async def story() -> None:
        coordinator = Answering(outcome)
        worker = Worker(MemoryStore(clock=lambda: 0.0), coordinator)
        await worker.open()
        await worker.ingest.append([intend(0), result(intend(0))])
        await asyncio.sleep(60)
        assert (len(worker.outbox) == 0) == taken
        assert all(told in problem for problem in worker.outbox.problems())
        assert bool(worker.outbox.problems()) != taken
        assert bool(await worker.store.acknowledged([result(intend(0)).id])) == taken
        coordinator.outcome = {"status": "created"}
        await asyncio.sleep(60)
        assert len(worker.outbox) == 0
        assert worker.outbox.problems() == []
        await coordinator.close()

    virtual.run(story())


class Answering(Coordinator):
    """A coordinator that answers every report so."""

    def __init__(self, outcome: dict[str, Any]) -> None:
        super().__init__()
        self.outcome = outcome

    async def post_records(
        self, endpoint: str, records: Sequence[Record], to: str = ""
    ) -> list[dict[str, Any]]:
        return [self.outcome for _ in records]


def test_a_control_record_has_what_was_refused_sent_at_once_and_others_do_not() -> None:
    async def story(worker: Worker) -> None:
        worker.coordinator.down = True
        await worker.ingest.append([intend(0), result(intend(0))])
        await asyncio.sleep(60)
        worker.coordinator.down = False
        await worker.ingest.append([record("KNOW", 1, {}, thread="th_else")])
        await asyncio.sleep(0.01)
        assert worker.told() == []
        await worker.ingest.append([record("LEARN", 1, {"topic": "note"}, thread="th_fleet_control")])
        await asyncio.sleep(0.01)
        assert worker.told() == [(0, "accept")]

    with_worker(story)


@pytest.mark.parametrize("place", [{"thread": "th_else"}, {"thread": "th_child_0"}])
def test_what_comes_in_the_same_call_does_not_hide_a_result(place: dict[str, Any]) -> None:
    async def story(worker: Worker) -> None:
        await worker.ingest.append([intend(0)])
        note = record("KNOW", 3, {"text": "halfway"}, actor=WORKER_A, **place)
        await worker.ingest.append([note, result(intend(0))])
        await asyncio.sleep(60)
        assert worker.told() == [(0, "accept")]

    with_worker(story)


def test_without_a_coordinator_to_tell_results_are_told_here() -> None:
    async def story(worker: Worker) -> None:
        alone = Outbox(worker.ingest, worker.coordinator, WORKER_A, "", virtual.runtime())
        await worker.ingest.append([intend(0), result(intend(0))])
        await alone.flush()
        assert len(alone) == 0

    with_worker(story)
