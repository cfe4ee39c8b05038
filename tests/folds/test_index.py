"""The thread index and the participants of a thread."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.folds.base.order import fold_order
from syncropel.folds.fanout.child import COMPLETE
from syncropel.folds.threads.index import ThreadIndex, ThreadLine, participants
from syncropel.record.model import Record
from syncropel.record.threads import FLEET_CONTROL
from tests.folds.build import OPERATOR, WORKER_A, WORKER_B, record, store

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


@pytest.mark.parametrize("body", [{"fulfills": "ab" * 32}, {"cancels": "ab" * 32}])
def test_what_closes_a_thread(body: dict[str, Any]) -> None:
    assert line(record("DO", 0, {"goal": "g"}), record("KNOW", 1, body)).status == "closed"


def test_participants_and_what_they_did() -> None:
    intend = record("INTEND", 0, {"task": True}, actor=OPERATOR)
    records = [
        intend,
        record("KNOW", 1, {"kind": COMPLETE}, actor=WORKER_A),
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
