"""What a run has spent, and how far its output is known: the same in whatever order the log is read."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from syncropel.folds.fanout.child import AGENT_SESSION, QUESTION, STREAM_EVENT, SUBPROCESS_EXIT
from syncropel.folds.fanout.spend import Spend, Spent
from syncropel.record.model import Record, StoredRecord

INTEND = "i" * 64


def told(kind: str, **body: Any) -> StoredRecord:
    record = Record("th_run", "did:a", "KNOW", {"kind": kind, "child_intend": INTEND, **body})
    return StoredRecord(record, 1, 0.0)


def spent(*records: StoredRecord) -> Spent:
    spend = Spend()
    for one in records:
        spend.apply(one)
    return spend.of(INTEND)


def test_any_order_gives_the_same() -> None:
    records = [
        told(AGENT_SESSION, run="r1", events=1),
        told(STREAM_EVENT, run="r1", events=2, cost_usd=0.25),
        told(QUESTION, run="r1", events=3),
        told(STREAM_EVENT, run="r2", events=1, cost_usd=0.5),
        told(STREAM_EVENT, cost_usd=1.0, cost_offset=9),
    ]
    for order in permutations(records):
        assert spent(*order) == Spent(1.75, 9, {"r1": 3, "r2": 1})


@pytest.mark.parametrize(
    ("record", "usd", "events"),
    [
        (told(STREAM_EVENT, run="r1", events=4), 0.0, {"r1": 4}),
        (told(STREAM_EVENT, run="r1", events="4", cost_usd=1.0), 1.0, {}),
        (told(STREAM_EVENT, run=7, events=4), 0.0, {}),
        (told(STREAM_EVENT, run="r1", events=True), 0.0, {}),
        (told(STREAM_EVENT, cost_usd=-1.0), 0.0, {}),
        (told(STREAM_EVENT, cost_usd=True), 0.0, {}),
        (told(AGENT_SESSION, run="r1", events=1, cost_usd=5.0), 0.0, {"r1": 1}),
        (told(SUBPROCESS_EXIT, run="r1", events=1, cost_usd=5.0), 0.0, {}),
    ],
)
def test_what_makes_no_sense_counts_nothing(record: StoredRecord, usd: float, events: dict[str, int]) -> None:
    assert spent(record) == Spent(usd, 0, events)
