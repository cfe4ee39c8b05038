"""Live folds against fresh ones: whatever arrives in whatever order, they end up the same."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds, rebuild
from syncropel.folds.control.access import API_TOKEN, SERVICE_ACCOUNT, TOKEN_REVOKED
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import STATE_OF_TOPIC, STRICT_TOPIC
from syncropel.folds.control.rules import ENABLED_TOPIC, KINDS
from syncropel.folds.fanout.child import COMPLETE, END_CHILD, SESSION, STREAM_EVENT
from syncropel.folds.fanout.join import decide, parse_join
from syncropel.folds.fanout.reassignments import TOPICS as MOVES
from syncropel.folds.fanout.speedup import speedup
from syncropel.folds.fanout.state import AMEND_JOIN, CHILD_DONE, RETRY, SPAWNED
from syncropel.folds.fanout.subtasks import fan_out_children
from syncropel.folds.fleet.registry import INSTANCE_STATE
from syncropel.folds.tasks.state import STATUS_TOPICS, fold_task
from syncropel.record.model import ACTS, Record
from syncropel.record.threads import RESERVED
from syncropel.store.base import Appended
from syncropel.store.memory import MemoryStore
from tests.folds.build import THREAD, done, parent, record, spawned, subtask, threads


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
    for thread, state in live.tasks.items():
        assert state == fold_task(thread, await store.thread(thread))
        running = state.fanout is not None and state.fanout.active
        assert (thread in live.active) == running
        if running:
            assert live.active[thread] is state
    again = await rebuild(store)
    # What is kept only to keep the folds right may differ, what tells of arrivals, and what this process met
    # as it evaluated rules; what the folds say may not.
    assert set(live.joined) <= live.tasks.keys() - live.active.keys()
    for name in set(LiveFolds.__slots__) - {"folded_through", "aliases", "joined", "rule_failures"}:
        assert getattr(live, name) == getattr(again, name), name
    assert {alias: live.tasks[thread].alias for alias, thread in live.aliases.items()} == {
        alias: again.tasks[thread].alias for alias, thread in again.aliases.items()
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


_WORDS = [
    *(SERVICE_ACCOUNT, API_TOKEN, TOKEN_REVOKED, INSTANCE_STATE, FREEZE, UNFREEZE, DRAIN, STRICT_TOPIC),
    *(SPAWNED, CHILD_DONE, RETRY, AMEND_JOIN, END_CHILD, SESSION, STREAM_EVENT, COMPLETE),
    *(ENABLED_TOPIC, "auth_cors_origins", *KINDS, *MOVES, *STATE_OF_TOPIC, *STATUS_TOPICS),
]
_KEYS = [
    *("task", "goal", "alias", "priority", "domain", "namespace", "labels", "criteria", "subtasks", "join"),
    *("at", "index", "attempt", "child_thread", "child_intend", "instance", "worker", "verdict", "summary"),
    *("cost_usd", "cost_offset", "wall_time_secs", "output", "reason", "hint", "target", "fulfills", "kind"),
    *("explanation", "parent_thread", "parent_intend", "coordinator", "budget_usd", "timeout_secs", "did"),
    *("report_clock", "role", "endpoint", "version", "state", "sa_id", "scopes", "token_sha256", "level"),
    *("grace_secs", "terminate", "deadline", "then", "from", "strict", "description", "name", "expression"),
    *("effect", "ops", "priority", "enabled", "origins", "removed", "cancels"),
]
_JSON = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, 1, 2, -1, 10**400, -(10**400), 1e308, 0.5),
            *("", "x", "accept", "joined", "all"),
        ]
    ),
    st.sampled_from(
        [[], {}, [[]], [{}], {"a": []}, ["x"], [1], "start", "soft", "*", "active", "any", THREAD]
    ),
    st.sampled_from([[subtask()], [subtask(), subtask(0)], "did:sync:instance:000000000000000a", "ab" * 32]),
)
_BODIES = st.builds(
    lambda topic, body: {"topic": topic, **body},
    st.sampled_from(_WORDS),
    st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=9),
)
_CHILD = {"goal": "g", "parent_thread": THREAD, "parent_intend": "ab" * 32, "index": 0}
_OPENINGS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"task": True}, {"subtasks": [subtask(), subtask(0)]}, _CHILD, {}]
)


@settings(max_examples=300)
@given(st.data())
def test_no_record_can_stop_a_daemon(data: st.DataObject) -> None:
    """Every body that JSON can hold is folded, now and at the next start: a record is in the log for ever."""
    place = st.tuples(st.sampled_from([THREAD, "th_child", *RESERVED]), st.sampled_from(sorted(ACTS)))
    made: list[Record] = [
        record("INTEND", 0, data.draw(_OPENINGS)),
        record("INTEND", 0, _CHILD, thread="th_child"),
    ]
    for clock in range(1, data.draw(st.integers(2, 8))):
        thread, act = data.draw(place)
        body: dict[str, Any] = data.draw(_BODIES)
        made.append(
            record(act, data.draw(st.sampled_from([clock, clock, 2**63 - 1 - clock])), body, thread=thread)
        )

    async def check() -> None:
        live, store = await arrive(made)
        await assert_like_fresh(live, store)
        for state in live.tasks.values():
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
