"""Reports that were not taken: by whom, of what, and why, until one is taken."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from syncropel.engine.ingest.live import LiveFolds
from syncropel.engine.ingest.refused_reports import MAX_KEPT, RefusedReports, known_result
from syncropel.errors import SyncropelError, WrongAuthor
from syncropel.record.model import Record, StoredRecord
from syncropel.store.base import Appended
from tests.folds.build import THREAD, WORKER_A, WORKER_B, done, parent, spawned, store, subtask


def report(index: Any = 0, actor: str = WORKER_A, topic: str = "fanout_child_done", **more: Any) -> Record:
    body = {"topic": topic, "index": index, "attempt": 1, "verdict": "accept", **more}
    return Record(THREAD, actor, "DO", body, 9).identified()


def taken(record: Record) -> Appended:
    return Appended(StoredRecord(record, 1, 0.0), True)


def refused(why: str = "not yours") -> SyncropelError:
    return WrongAuthor(why)


def test_a_refusal_is_told_by_whom_it_came_until_a_report_is_taken() -> None:
    kept = RefusedReports()
    kept.look([report(), report(actor=WORKER_B), report(1)], [refused(), refused("nor yours"), refused()])
    assert kept.told(THREAD, 0, 1) == [f"{WORKER_A}: not yours", f"{WORKER_B}: nor yours"]
    assert kept.told(THREAD, 1, 1) == [f"{WORKER_A}: not yours"]
    assert kept.told(THREAD, 0, 2) == kept.told("t", 0, 1) == []
    kept.look([report()], [taken(report())])
    assert kept.told(THREAD, 0, 1) == [f"{WORKER_B}: nor yours"]
    assert len(kept) == 2


def test_each_reason_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    kept = RefusedReports()
    with caplog.at_level(logging.WARNING, "syncropel.engine.reports"):
        for why in ("frozen", "frozen", "not yours"):
            kept.look([report()], [refused(why)])
    assert [one.getMessage().rpartition(": ")[2] for one in caplog.records] == ["frozen", "not yours"]
    assert kept.told(THREAD, 0, 1) == [f"{WORKER_A}: not yours"]


def test_the_same_refusal_again_is_kept_as_the_newest() -> None:
    kept = RefusedReports()
    kept.look([report(), report(actor=WORKER_B), report()], [refused(), refused(), refused()])
    assert kept.told(THREAD, 0, 1) == [f"{WORKER_B}: not yours", f"{WORKER_A}: not yours"]


def test_a_report_that_names_no_attempt_is_one_of_the_first() -> None:
    nameless = Record(THREAD, WORKER_A, "DO", {"topic": "fanout_child_done", "index": 0}, 9).identified()
    kept = RefusedReports()
    kept.look([nameless], [refused()])
    assert kept.told(THREAD, 0, 1) == [f"{WORKER_A}: not yours"]


def test_other_records_are_none_of_its_business() -> None:
    kept = RefusedReports()
    kept.look([report(topic="note")], [refused()])
    assert len(kept) == 0


def test_what_is_no_attempt_breaks_nothing_and_old_ones_are_forgotten() -> None:
    kept = RefusedReports()
    kept.look([report({"a": []})], [refused()])
    for index in range(MAX_KEPT):
        kept.look([report(index)], [refused()])
    assert len(kept) == MAX_KEPT
    assert kept.told(THREAD, 0, 1)


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ({}, {"worker": WORKER_A, "verdict": "failed"}),
        ({"index": 1}, None),
        ({"attempt": 2}, None),
        ({"index": "0"}, None),
        ({"attempt": None}, None),
    ],
)
def test_what_is_known_of_the_attempt(body: dict[str, Any], known: dict[str, str] | None) -> None:
    live = LiveFolds()
    for stored in store([parent([subtask(), subtask()]), spawned(0, 5), done(0, 7, "failed")]):
        live.apply(stored)
    index = body.pop("index", 0)
    assert known_result(report(index, **body), live) == known
    assert known_result(Record("t", WORKER_A, "DO", {"index": 0}, 1), live) is None
