"""The thread index and the participants of a thread."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncropel.folds.base.order import fold_order
from syncropel.folds.fanout.child import COMPLETE
from syncropel.folds.fanout.state import CHILD_DONE
from syncropel.folds.threads.index import ThreadIndex, ThreadLine, participants
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.build import COORDINATOR, OPERATOR, WORKER_A, WORKER_B, record, store

CHILD = {"parent_thread": "th_p", "parent_intend": "ab" * 32, "index": 0, "goal": "sweep"}


def line(*records: Record, thread: str = "th_task") -> ThreadLine:
    index = ThreadIndex()
    for stored in store(records):
        index.apply(stored)
    return index.threads[thread]


@pytest.mark.parametrize(
    ("act", "body", "kind"),
    [
        ("INTEND", {"task": True}, "task"),
        ("INTEND", {"subtasks": []}, "task"),
        ("INTEND", CHILD, "child"),
        ("INTEND", {**CHILD, "index": True}, "other"),
        ("KNOW", {"kind": COMPLETE}, "dispatch"),
        ("KNOW", {"topic": "comment"}, "other"),
    ],
)
def test_kinds(act: str, body: dict[str, Any], kind: str) -> None:
    assert line(record(act, 0, body)).kind == kind


def test_a_reserved_thread_stays_one() -> None:
    assert (
        line(record("INTEND", 0, {"task": True}, thread=FLEET_CONTROL), thread=FLEET_CONTROL).kind
        == "reserved"
    )


def test_a_line_sums_its_thread_up() -> None:
    found = line(
        record("KNOW", 0, {"topic": "comment"}),
        record("INTEND", 1, {"task": True, "goal": "sweep"}),
        record("KNOW", 2, {"goal": "something else"}, actor=WORKER_A),
    )
    assert (found.records, found.kind, found.title, found.status) == (3, "task", "sweep", "open")
    assert found.actors == {OPERATOR, WORKER_A}
    assert (found.first_sequence, found.last_sequence) == (1, 3)
    assert found.last_activity == 1_700_000_003.0


@given(st.permutations([0, 1, 2, 3]))
def test_a_kind_does_not_depend_on_the_order_of_arrival(order: list[int]) -> None:
    records = [
        record("KNOW", 0, {"kind": COMPLETE}),
        record("INTEND", 1, CHILD),
        record("INTEND", 2, {"task": True}),
        record("KNOW", 3, {"topic": "comment"}),
    ]
    assert line(*(records[at] for at in order)).kind == "task"


@pytest.mark.parametrize(
    ("records", "starts"),
    [
        ([("INTEND", 0)], True),
        ([("DO", 0)], False),
        ([("KNOW", 0)], False),
        ([("LEARN", 0)], False),
        ([("DO", 0), ("INTEND", 1)], False),
        ([("DO", 1), ("INTEND", 0)], True),  # arrived late
        ([("KNOW", 5), ("INTEND", 5)], True),  # at one clock
        ([("INTEND", 7), ("DO", 3)], False),
    ],
)
def test_whether_a_thread_starts_with_an_intend(records: list[tuple[str, int]], starts: bool) -> None:
    made = [record(act, clock, actor=f"did:sync:user:{at}") for at, (act, clock) in enumerate(records)]
    assert line(*made).starts_with_intend is starts


def test_nobody_opens_a_reserved_thread() -> None:
    found = line(record("LEARN", 0, thread=FLEET_CONTROL), thread=FLEET_CONTROL)
    assert found.starts_with_intend
    assert found.status == "open"


def test_participants_and_what_they_did() -> None:
    intend = record("INTEND", 0, {"task": True}, actor=OPERATOR)
    records = [
        intend,
        record("KNOW", 1, {"kind": COMPLETE, "verdict": "accept"}, actor=WORKER_A),
        record("INTEND", 2, {}, actor=WORKER_B),
        record("KNOW", 3, {"verdict": "accept"}, actor=OPERATOR),
        record("DO", 4, {"dispatch_handled": True}, actor=WORKER_A),
    ]
    found = {one.actor: one for one in participants(fold_order(store(records)))}
    assert list(found) == [OPERATOR, WORKER_A, WORKER_B]
    assert found[OPERATOR].roles == ["opener", "reviewer"]
    assert found[WORKER_A].roles == ["adapter"]
    assert found[WORKER_B].roles == ["observer"]
    assert (found[OPERATOR].records, found[OPERATOR].first_clock, found[OPERATOR].last_clock) == (2, 0, 3)


REPORT = {"topic": CHILD_DONE, "worker": WORKER_A, "verdict": "accept"}
ATTEMPT = record("INTEND", 0, CHILD, actor=COORDINATOR)
RESULT = {"fulfills": ATTEMPT.id, "verdict": "accept"}


@pytest.mark.parametrize(
    ("act", "body", "roles"),
    [
        ("KNOW", {"dispatch_handled": True, "verdict": "accept"}, ["adapter"]),
        ("CALL", {"dispatch_handled": True}, ["adapter"]),
        ("KNOW", {"dispatch_handled": "yes", "verdict": "accept"}, ["reviewer"]),
        ("KNOW", {"dispatch_handled": 1}, ["observer"]),
        # as older versions wrote it
        ("DO", REPORT, ["adapter"]),
        ("KNOW", REPORT, ["reviewer"]),
        ("DO", {**REPORT, "worker": WORKER_B}, ["observer"]),
        ("KNOW", RESULT, ["adapter"]),
        ("KNOW", {**RESULT, "verdict": "perhaps"}, ["reviewer"]),
        ("KNOW", {**RESULT, "fulfills": "ab" * 32}, ["reviewer"]),
        ("KNOW", {**RESULT, "fulfills": [ATTEMPT.id]}, ["reviewer"]),
        ("DO", RESULT, ["observer"]),
    ],
)
def test_who_is_an_adapter(act: str, body: dict[str, Any], roles: list[str]) -> None:
    records = fold_order(store([ATTEMPT, record(act, 1, body, actor=WORKER_A)]))
    assert {one.actor: one.roles for one in participants(records)} == {
        COORDINATOR: ["opener"],
        WORKER_A: roles,
    }


def test_an_adapter_opens_the_thread_of_its_run() -> None:
    records = [record("INTEND", 0, {"dispatch_handled": True}), record("KNOW", 1, {"verdict": "accept"})]
    assert participants(fold_order(store(records)))[0].roles == ["opener", "adapter", "reviewer"]
