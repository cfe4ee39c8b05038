"""Live folds against fresh ones: whatever arrives in whatever order, they end up the same."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.fanout.join import decide, parse_join
from syncropel.folds.fanout.speedup import speedup
from syncropel.folds.fanout.state import RETRY
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.tasks.state import fold_task
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import RESERVED
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from tests.engine.any_records import BODIES, CHILD_BODY, OPENINGS
from tests.engine.rebuilt import rebuild
from tests.folds.build import THREAD, done, parent, record, spawned, subtask, threads

_NOT_FOLDED = {"folded_through", "aliases", "joined", "rule_failures", "changes", "tally", "parts"}
"""What is kept only to keep the folds right, what tells of arrivals, and what is compared in its own way."""


def at_once(work: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing: a store in memory answers at once, and a loop for each example is dear."""
    with pytest.raises(StopIteration):
        work.send(None)


async def arrive(records: list[Record], batch: int = 1) -> tuple[LiveFolds, MemoryStore]:
    """Live folds and the log, after these records came in groups of this size."""
    store, live = MemoryStore(clock=lambda: 0.0), LiveFolds()
    for start in range(0, len(records), batch):
        for outcome in await store.append(records[start : start + batch]):
            if isinstance(outcome, Appended) and outcome.created:
                live.apply(outcome.stored)
        await live.refold(store)
    return live, store


async def assert_like_fresh(live: LiveFolds, store: MemoryStore) -> None:
    for thread, state in live.tasks.held():
        assert state == fold_task(thread, await store.thread(thread))
        running = state.fanout is not None and state.fanout.active
        assert (thread in live.active) == running
        if running:
            assert live.active[thread] is state
    again = await rebuild(store)
    assert set(live.joined) <= dict(live.tasks.held()).keys() - live.active.keys()
    for name in set(LiveFolds.__slots__) - _NOT_FOLDED:
        assert getattr(live, name) == getattr(again, name), name
    assert live.counts().scores() == again.counts().scores()
    assert live.counts().open_tasks == again.counts().open_tasks
    assert {key: parts for key, parts in live.parts.held() if parts} == dict(again.parts.held())
    assert {alias: live.tasks[thread].alias for alias, thread in live.aliases.held()} == {
        alias: again.tasks[thread].alias for alias, thread in again.aliases.held()
    }


@settings(max_examples=300)
@given(threads(), st.integers(1, 4))
def test_any_arrival_gives_the_fold_of_the_log(records: list[Record], batch: int) -> None:
    """Equal clocks, clocks that go back, facts before their INTEND, several INTENDs."""

    async def check() -> None:
        await assert_like_fresh(*await arrive(records, batch))

    at_once(check())


FAN_OUT = parent([subtask(), subtask()], clock=4)


@pytest.mark.parametrize(
    "records",
    [
        [spawned(0, 5), done(0, 7), FAN_OUT],
        [spawned(0, 1), FAN_OUT, done(0, 7)],
        [FAN_OUT, done(0, 3), done(1, 6)],
        [record("INTEND", 0, {"task": True}), done(0, 9), spawned(0, 5), FAN_OUT],
        [FAN_OUT, done(1, 9), spawned(0, 5), record("LEARN", 6, {"topic": RETRY, "index": 1})],
    ],
    ids=["facts first", "too early", "late and too early", "task first", "retry behind a report"],
)
async def test_facts_and_their_intend_in_awkward_orders(records: list[Record]) -> None:
    live, store = await arrive(records)
    await assert_like_fresh(live, store)
    assert THREAD in live.active


async def test_of_two_tasks_with_one_alias_the_older_keeps_it() -> None:
    first, second = (
        record("INTEND", 0, {"task": True, "alias": "T-1", "goal": goal}, thread=f"th_{goal}")
        for goal in ("b", "a")
    )
    store, live = MemoryStore(clock=iter(range(10)).__next__), LiveFolds()
    for one in (first, second):
        (outcome,) = await store.append([one])
        assert isinstance(outcome, Appended)
        live.apply(outcome.stored)
    found = live.task("T-1")
    assert found is not None
    assert found.thread == "th_b"


@settings(max_examples=300)
@given(st.data())
def test_no_record_can_stop_a_daemon(data: st.DataObject) -> None:
    """Every body that JSON can hold is folded, now and at the next start: a record is in the log for ever."""
    place = st.tuples(st.sampled_from([THREAD, "th_child", *RESERVED]), st.sampled_from(sorted(ACTS)))
    made: list[Record] = [
        record("INTEND", 0, data.draw(OPENINGS)),
        record("INTEND", 0, CHILD_BODY, thread="th_child"),
    ]
    for clock in range(1, data.draw(st.integers(2, 8))):
        thread, act = data.draw(place)
        body: dict[str, Any] = data.draw(BODIES)
        made.append(
            record(act, data.draw(st.sampled_from([clock, clock, 2**63 - 1 - clock])), body, thread=thread)
        )

    async def check() -> None:
        live, store = await arrive(made)
        await assert_like_fresh(live, store)
        for _, state in live.tasks.held():
            if state.fanout is not None:
                children = fan_out_children(state.fanout)
                decide(parse_join("all", len(children)), children, None, live.names())
                report = speedup(state.fanout, children)
                json.dumps([report.total_cost_usd, report.serial_estimate_secs], allow_nan=False)

    at_once(check())


async def test_a_part_is_known_by_its_parent_however_its_records_come() -> None:
    opening = record(act="INTEND", thread="part", clock=0, body={"task": True, "parent_thread": "th_whole"})
    comment = record(act="KNOW", thread="part", clock=1, body={"topic": "task_comment"})
    for order in ([opening, comment], [comment, opening]):
        live, store = await arrive(order)
        assert list(live.parts["th_whole"]) == ["part"]
        await assert_like_fresh(live, store)
