"""The thread of a run: it begins with an INTEND, and it is closed however the run ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from syncropel.engine.fanout.outbox import report
from syncropel.folds.base.order import fold_order
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.fanout.child import (
    CALL,
    COMPLETE,
    END_CHILD,
    INTERRUPTED,
    LOST,
    NOT_STARTED,
    REATTACHED,
    RUN,
    SESSION,
)
from syncropel.folds.replay.thread_state import ThreadState, fold_thread
from syncropel.folds.threads.index import participants
from syncropel.record.model import Record, StoredRecord
from syncropel.record.threads import FLEET_CONTROL
from tests.engine import virtual
from tests.engine.test_taken_back import keep
from tests.engine.workshop import SECS, Fragile, Workshop, in_workshop, intend
from tests.folds.build import COORDINATOR, WORKER_A, record

BEGINNING = [RUN, CALL, SESSION]


def runs(workshop: Workshop) -> list[list[StoredRecord]]:
    """The records of each run's thread, in fold order; the threads in order of their first record."""
    lines = [line for _, line in workshop.ingest.live.index.threads.held() if line.kind == "dispatch"]
    threads: dict[str, list[StoredRecord]] = {line.id: [] for line in lines}
    for one in workshop.store._log:
        if one.record.thread in threads:
            threads[one.record.thread].append(one)
    return [fold_order(records) for records in threads.values()]


def kinds(records: Sequence[StoredRecord]) -> list[str]:
    return [one.record.topic for one in records]


def state(records: Sequence[StoredRecord]) -> ThreadState:
    return fold_thread(records[0].record.thread, records)


def control(topic: str, clock: int, **more: Any) -> Record:
    body = {"topic": topic, "namespace": "docs", "reason": "no", "at": virtual.EPOCH, **more}
    return record("LEARN", clock, body, actor=COORDINATOR, thread=FLEET_CONTROL)


def around_beginnings(
    workshop: Workshop, *, before: Callable[[], Awaitable[Any]] | None = None,
    after: Callable[[], Awaitable[Any]] | None = None,
) -> None:  # fmt: skip
    """Do something just before, or just after, the first run writes what its thread begins with."""
    append, met = workshop.ingest.append, list[bool]()

    async def meddling(records: Sequence[Record], **more: Any) -> Any:
        first = records[0].topic == RUN and not met
        met.extend([True] if first else [])
        if first and before is not None:
            await before()
        outcomes = await append(records, **more)
        if first and after is not None:
            await after()
        return outcomes

    workshop.ingest.append = meddling  # type: ignore[method-assign]


def test_a_run_begins_with_an_intend_and_its_last_observation_fulfills_it() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", namespace="docs")
        await asyncio.sleep(SECS / 2)
        (records,) = runs(workshop)
        assert kinds(records) == BEGINNING
        assert state(records).line.status == "observed"
        await asyncio.sleep(SECS)
        (records,) = runs(workshop)
        assert kinds(records) == [*BEGINNING, COMPLETE]
        assert [one.record.act for one in records] == ["INTEND", "CALL", "KNOW", "KNOW"]
        assert records[0].record.body["goal"] == "sweep"
        assert records[-1].record.body["fulfills"] == records[0].record.id
        assert all(one.record.body["dispatch_handled"] is True for one in records)
        assert all(one.record.body["child_intend"] == intend("sweep", namespace="docs").id for one in records)
        found = state(records)
        assert (found.line.status, found.open_intends(), found.line.title) == ("closed", [], "sweep")
        assert found.line.starts_with_intend
        assert [one.roles for one in participants(records)] == [["opener", "adapter"]]

    in_workshop(story)


def test_a_result_and_its_report_say_that_an_adapter_wrote_them() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(2 * SECS)
        assert workshop.result("sweep")["dispatch_handled"] is True
        child = workshop.child("sweep")
        ((asked, result),) = child.reportable()
        assert report(asked, result, WORKER_A).body["dispatch_handled"] is True
        records = fold_order(await workshop.store.thread("th_sweep"))
        assert {one.actor: one.roles for one in participants(records)} == {
            COORDINATOR: ["opener"],
            WORKER_A: ["adapter"],
        }

    in_workshop(story)


def test_a_report_of_an_older_result_stays_the_record_that_it_was() -> None:
    async def story(workshop: Workshop) -> None:
        workshop.allowed = False
        await workshop.give("sweep")
        body = {"fulfills": intend("sweep").id, "verdict": "accept"}
        await workshop.ingest.append_one(record("KNOW", 1, body, actor=WORKER_A, thread="th_sweep"))
        ((asked, result),) = workshop.child("sweep").reportable()
        assert "dispatch_handled" not in report(asked, result, WORKER_A).body

    in_workshop(story)


def test_a_long_goal_is_repeated_in_part() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("echo " * 1000)
        await asyncio.sleep(1)
        (records,) = runs(workshop)
        assert len(records[0].record.body["goal"]) == 501

    in_workshop(story)


@pytest.mark.parametrize("level", ["soft", "hard"])
def test_under_a_freeze_no_run_begins_and_nothing_is_left_of_it(level: str) -> None:
    async def story(workshop: Workshop) -> None:
        freeze = control(FREEZE, 0, level=level, grace_secs=600)
        around_beginnings(workshop, before=lambda: workshop.ingest.append_one(freeze))
        await workshop.give("sweep", namespace="docs")
        await asyncio.sleep(SECS)
        assert (runs(workshop), workshop.crew.begun) == ([], [])
        await workshop.ingest.append_one(control(UNFREEZE, 1))
        await asyncio.sleep(2 * SECS)
        (records,) = runs(workshop)
        assert kinds(records) == [*BEGINNING, COMPLETE]
        assert workshop.result("sweep")["verdict"] == "accept"

    in_workshop(story)


def test_a_run_that_is_held_at_its_gate_is_closed_and_counts_as_no_start() -> None:
    async def story(workshop: Workshop) -> None:
        freeze = control(FREEZE, 0, level="soft")
        around_beginnings(workshop, after=lambda: workshop.ingest.append_one(freeze))
        await workshop.give("sweep", namespace="docs")
        await asyncio.sleep(SECS)
        (held,) = runs(workshop)
        assert kinds(held) == [*BEGINNING, NOT_STARTED]
        closing = state(held).closing
        assert closing is not None
        assert (closing.way, state(held).open_intends(), workshop.crew.begun) == ("cancelled", [], [])
        await workshop.ingest.append_one(control(UNFREEZE, 1))
        await asyncio.sleep(2 * SECS)
        assert [state(one).line.status for one in runs(workshop)] == ["closed", "closed"]
        assert workshop.result("sweep")["verdict"] == "accept"
        assert "starts" not in workshop.result("sweep")

    in_workshop(story)


def test_a_run_in_flight_ends_and_reports_under_a_soft_freeze() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", namespace="docs")
        await asyncio.sleep(SECS / 2)
        await workshop.ingest.append_one(control(FREEZE, 0, level="soft"))
        await asyncio.sleep(SECS)
        (records,) = runs(workshop)
        assert (kinds(records), state(records).line.status) == ([*BEGINNING, COMPLETE], "closed")
        assert workshop.result("sweep")["verdict"] == "accept"

    in_workshop(story)


def test_a_run_that_is_ended_while_it_begins_is_closed() -> None:
    async def story(workshop: Workshop) -> None:
        end = record(
            "LEARN", 1, {"topic": END_CHILD, "child_intend": intend("sweep").id, "reason": "drained"},
            actor=COORDINATOR, thread="th_sweep",
        )  # fmt: skip
        around_beginnings(workshop, after=lambda: workshop.ingest.append_one(end))
        await workshop.give("sweep")
        await asyncio.sleep(SECS)
        (records,) = runs(workshop)
        assert (kinds(records), state(records).line.status) == ([*BEGINNING, COMPLETE], "closed")
        assert (workshop.result("sweep")["verdict"], workshop.crew.begun) == ("terminated", [])

    in_workshop(story)


def test_a_run_that_a_crash_ended_is_closed_as_lost() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(1)
        again = await workshop.crash()
        await asyncio.sleep(2 * SECS)
        lost, whole = runs(again)
        assert (kinds(lost), kinds(whole)) == ([*BEGINNING, LOST], [*BEGINNING, COMPLETE])
        closing = state(lost).closing
        assert closing is not None
        assert (closing.way, state(lost).open_intends()) == ("cancelled", [])
        third = await again.crash()
        assert runs(third) == [lost, whole], "what is closed is closed"

    in_workshop(story)


def test_a_run_that_a_stop_ended_is_lost_once_its_daemon_is_back() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep")
        await asyncio.sleep(1)
        await workshop.dispatcher.stop()
        (left,) = runs(workshop)
        assert (kinds(left)[-1], state(left).line.status) == (INTERRUPTED, "observed")
        again = await workshop.crash()
        assert kinds(runs(again)[0]) == [*BEGINNING, INTERRUPTED, LOST]

    in_workshop(story)


def test_a_run_that_is_taken_back_goes_on_upon_its_thread() -> None:
    async def story() -> None:
        workshop = await keep(Workshop(Fragile(clock=asyncio.get_running_loop().time)))
        await workshop.give("stays")
        await asyncio.sleep(1)
        await workshop.die()
        again = await keep(Workshop(workshop.store))
        (records,) = runs(again)
        assert (kinds(records), state(records).line.status) == ([*BEGINNING, REATTACHED], "observed")
        await again.give("stays", attempt=2)
        await asyncio.sleep(1)
        ended, _ = runs(again)
        assert kinds(ended) == [*BEGINNING, REATTACHED, COMPLETE]
        assert ended[-1].record.body["fulfills"] == ended[0].record.id
        assert state(ended).line.status == "closed"

    virtual.run(story())


def test_a_run_of_an_older_version_that_is_taken_back_is_closed_too() -> None:
    async def story() -> None:
        store = Fragile(clock=asyncio.get_running_loop().time)
        about = {"child_thread": "th_stays", "child_intend": intend("stays").id, "attempt": 1}
        session = {"kind": SESSION, "adapter": "crew", "run": "r1", "pid": 7, "at": 1.0, **about}
        await store.append([intend("stays"), record("KNOW", 0, session, actor=WORKER_A, thread="th_run")])
        workshop = await keep(Workshop(store))
        await workshop.give("stays", attempt=2)
        await asyncio.sleep(1)
        records = runs(workshop)[0]
        assert kinds(records) == [SESSION, REATTACHED, COMPLETE]
        assert "fulfills" not in records[-1].record.body
        assert (state(records).line.status, state(records).line.starts_with_intend) == ("closed", False)

    virtual.run(story())


@pytest.mark.parametrize("more", [{"adapter": "bash"}, {"budget_usd": 0}])
def test_what_never_begins_leaves_no_thread_of_a_run(more: dict[str, Any]) -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.give("sweep", **more)
        await asyncio.sleep(1)
        assert workshop.result("sweep")["verdict"] != "accept"
        assert runs(workshop) == []

    in_workshop(story)


@pytest.mark.parametrize("times", [1, 3])
def test_a_full_disk_leaves_no_half_begun_run(times: int) -> None:
    async def story(workshop: Workshop) -> None:
        async def full() -> None:
            workshop.store.full = times

        around_beginnings(workshop, before=full)
        await workshop.give("sweep")
        await asyncio.sleep(SECS + 10)
        (records,) = runs(workshop)
        assert kinds(records) == [*BEGINNING, COMPLETE]

    in_workshop(story)


def test_of_records_that_are_a_whole_none_goes_in_when_one_is_refused() -> None:
    async def story(workshop: Workshop) -> None:
        await workshop.ingest.append_one(control(FREEZE, 0, level="soft"))
        acts = enumerate(["KNOW", "DO", "KNOW"])
        whole = [record(act, clock, {"namespace": "docs"}, thread="plain") for clock, act in acts]
        outcomes = await workshop.ingest.append(whole, together=True, whole=True)
        assert [getattr(one, "code", "") for one in outcomes] == ["NAMESPACE_FROZEN"] * 3
        assert "plain" not in workshop.ingest.live.index.threads
        outcomes = await workshop.ingest.append(whole, together=True)
        assert [getattr(one, "code", "") for one in outcomes] == ["", "NAMESPACE_FROZEN", ""]

    in_workshop(story)
