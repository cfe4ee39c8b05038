"""Clocks above a thread's ceiling, which only older logs hold: they count as the lowest and end nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.engine.ingest.live import LiveFolds
from syncropel.folds.base.order import NEVER, fold_order, rank, word_key
from syncropel.folds.control.access import CORS_ORIGINS
from syncropel.folds.control.drains import DRAIN
from syncropel.folds.control.freezes import FREEZE, UNFREEZE
from syncropel.folds.control.namespaces import STRICT_TOPIC
from syncropel.folds.control.rules import ENABLED_TOPIC, PERMISSION
from syncropel.folds.fleet.registry import INSTANCE_STATE
from syncropel.record.model import MAX_CLOCK, MAX_POSTED_CLOCK, Record
from syncropel.record.threads import (
    CONSENT,
    ENGINE_CONFIG,
    FLEET_CONTROL,
    INSTANCE_REGISTRY,
    NAMESPACE_REGISTRY,
    clock_ceiling,
)
from tests.folds.build import THREAD, WORKER_A, done, fold, parent, record, spawned, store, subtask

Body = dict[str, Any]

FREEZES: tuple[Body, Body] = (
    {"topic": FREEZE, "level": "soft", "namespace": "docs", "reason": "r", "at": 1},
    {"topic": UNFREEZE, "level": "soft", "namespace": "docs", "at": 2},
)
RULE: Body = {"topic": PERMISSION, "name": "r", "expression": "true", "effect": "deny"}
STATE: Body = {"topic": INSTANCE_STATE, "did": WORKER_A, "at": 1}
PAIRS: dict[str, tuple[str, str, tuple[Body, Body], Callable[[LiveFolds], object], object, object]] = {
    "freeze": (
        FLEET_CONTROL,
        "LEARN",
        FREEZES,
        lambda live: [one.namespace for one in live.control.active()],
        ["docs"],
        [],
    ),
    "drain": (
        FLEET_CONTROL,
        "LEARN",
        (
            {"topic": DRAIN, "instance": WORKER_A, "state": "start"},
            {"topic": DRAIN, "instance": WORKER_A, "state": "stop"},
        ),
        lambda live: list(live.drains.drains),
        [WORKER_A],
        [],
    ),
    "namespace": (
        NAMESPACE_REGISTRY,
        "LEARN",
        (
            {"topic": "namespace_archived", "namespace": "docs"},
            {"topic": "namespace_created", "namespace": "docs"},
        ),
        lambda live: live.namespaces.known["docs"].state,
        "archived",
        "active",
    ),
    "strict": (
        NAMESPACE_REGISTRY,
        "LEARN",
        ({"topic": STRICT_TOPIC, "strict": True}, {"topic": STRICT_TOPIC, "strict": False}),
        lambda live: live.namespaces.strict,
        True,
        False,
    ),
    "fleet rule": (
        FLEET_CONTROL,
        "LEARN",
        (RULE, {**RULE, "removed": True}),
        lambda live: len(live.rules.permission_rules),
        1,
        0,
    ),
    "own rule": (
        ENGINE_CONFIG,
        "LEARN",
        (RULE, {**RULE, "removed": True}),
        lambda live: len(live.rules.permission_rules),
        1,
        0,
    ),
    "permissions": (
        ENGINE_CONFIG,
        "LEARN",
        ({"topic": ENABLED_TOPIC, "enabled": True}, {"topic": ENABLED_TOPIC, "enabled": False}),
        lambda live: live.rules.enforced,
        True,
        False,
    ),
    "origins": (
        ENGINE_CONFIG,
        "LEARN",
        (
            {"topic": CORS_ORIGINS, "origins": ["https://a.example"]},
            {"topic": CORS_ORIGINS, "origins": []},
        ),
        lambda live: live.access.origins,
        ("https://a.example",),
        (),
    ),
    "instance": (
        INSTANCE_REGISTRY,
        "KNOW",
        ({**STATE, "state": "left"}, {**STATE, "state": "joined"}),
        lambda live: live.registry.instances[WORKER_A].state,
        "left",
        "joined",
    ),
}
HIGH = (MAX_CLOCK, MAX_POSTED_CLOCK + 1, clock_ceiling(FLEET_CONTROL) + 1)


def live_of(records: Sequence[Record]) -> LiveFolds:
    live = LiveFolds()
    for stored in store(records):
        live.apply(stored)
    return live


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("high", HIGH)
def test_the_last_word_is_not_had_by_a_clock_above_the_ceiling(kind: str, high: int) -> None:
    thread, act, (first, second), look, was, becomes = PAIRS[kind]
    low = record(act, 5, first, thread=thread)
    for poison in (record(act, high, second, thread=thread), record(act, high, second, thread=thread)):
        for order in ([low, poison], [poison, low]):
            assert look(live_of(order)) == was
    # Alone it is a word like any other, and the next one, whatever its clock, takes its place.
    assert look(live_of([record(act, high, second, thread=thread)])) == becomes
    assert look(
        live_of([record(act, high, first, thread=thread), record(act, 0, second, thread=thread)])
    ) == (becomes)


@pytest.mark.parametrize("kind", PAIRS)
def test_at_the_ceiling_a_clock_still_counts(kind: str) -> None:
    thread, act, (first, second), look, _, becomes = PAIRS[kind]
    both = [record(act, 5, first, thread=thread), record(act, clock_ceiling(thread), second, thread=thread)]
    assert look(live_of(both)) == becomes


@given(st.data())
def test_control_words_are_the_same_in_any_order(data: st.DataObject) -> None:
    clocks = st.sampled_from([0, 1, 2, *HIGH, MAX_CLOCK - 1])
    made: dict[tuple[str, int], Record] = {}
    for _ in range(data.draw(st.integers(1, 9))):
        thread, act, bodies, *_ = PAIRS[data.draw(st.sampled_from(sorted(PAIRS)))]
        clock = data.draw(clocks)
        made[thread, clock] = record(act, clock, bodies[data.draw(st.integers(0, 1))], thread=thread)
    records = list(made.values())
    one, other = live_of(records), live_of(data.draw(st.permutations(records)))
    for name in ("control", "drains", "namespaces", "registry", "heads"):
        assert getattr(one, name) == getattr(other, name)
    assert (one.rules.known, one.rules.enforced) == (other.rules.known, other.rules.enforced)
    assert one.access.origins == other.access.origins


def test_the_order_of_ranks() -> None:
    for thread in (THREAD, CONSENT):
        top = clock_ceiling(thread)
        clocks = [top + 1, MAX_CLOCK - 1, MAX_CLOCK, 0, 1, top - 1, top]
        ranks = [rank(record("KNOW", clock, thread=thread)) for clock in clocks]
        assert ranks == sorted(set(ranks))
        assert ranks[3:] == clocks[3:]
        assert all(word_key(record("KNOW", clock, thread=thread)) > NEVER for clock in clocks)
    assert clock_ceiling(CONSENT) < MAX_POSTED_CLOCK < clock_ceiling(THREAD)
    assert rank(done(0, MAX_CLOCK)) == MAX_CLOCK


CANCEL = record("KNOW", 9, {"topic": "task_cancelled", "reason": "enough"})


@pytest.mark.parametrize(
    "poison",
    [
        record("KNOW", MAX_CLOCK, {"topic": "comment"}),
        record("KNOW", MAX_CLOCK, {"topic": "task_reopened"}),
        record("DO", MAX_CLOCK, {"topic": "task_started"}),
        parent([subtask()], clock=MAX_CLOCK),
    ],
    ids=["comment", "reopened", "started", "fan-out"],
)
def test_a_task_can_be_ended_whatever_an_old_log_holds(poison: Record) -> None:
    opened = record("INTEND", 0, {"task": True, "goal": "g", "alias": "T-1"})
    state = fold(opened, poison, CANCEL)
    assert state.status == "cancelled"
    assert state.clock == 9
    assert state.fanout is None or not state.fanout.active


def test_facts_of_a_fan_out_above_the_ceiling_still_count() -> None:
    """They may be applied at any time, but not before what they are about."""
    facts = [spawned(0, MAX_CLOCK - 9), done(0, MAX_CLOCK - 8)]
    for begun in (parent([subtask()], clock=1), parent([subtask()], clock=MAX_CLOCK - 20)):
        state = fold(*facts, begun)
        assert state.fanout is not None
        assert state.fanout.spawns
        assert state.fanout.reports
        assert state.clock == (1 if begun.clock == 1 else -1)
        assert [one.record for one in fold_order(store([*facts, begun]))] == [begun, *facts]
    normal = fold(parent([subtask()], clock=MAX_CLOCK), spawned(0, 3))
    assert normal.fanout is not None
    assert normal.fanout.spawns
