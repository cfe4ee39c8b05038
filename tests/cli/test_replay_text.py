"""Replays and comparisons as lines."""

from __future__ import annotations

from syncropel.cli.text.replay import broken_lines, diff_lines, frame_lines
from syncropel.cli.text.thread import list_lines, record_line, restore_lines
from syncropel.wire import RecordOut
from syncropel.wire.bundles import LeftOut, RestoreReport, SkippedRecord
from syncropel.wire.replay import (
    ComparedRecord,
    ComparedRow,
    ComparedSide,
    Fact,
    FactValue,
    ReplayFrame,
    ThreadDiff,
)
from syncropel.wire.threads import ThreadSummary

THREAD = ThreadSummary(
    id="th_" + "a" * 64,
    kind="task",
    title="docs",
    status="approved",
    records=3,
    participants=1,
    first_sequence=1,
    last_sequence=3,
    last_activity=1e9,
)


def facts(**values: FactValue) -> list[Fact]:
    return [Fact(name=name, value=value) for name, value in values.items()]


def record(**changes: object) -> RecordOut:
    fields = {
        "id": "ab" * 32,
        "thread": "t",
        "actor": "did:x",
        "act": "DO",
        "clock": 4,
        "parents": [],
        "data_type": "SCALAR",
        "body": {"topic": "fanout_child_done", "note": "a\nb\x1b[31m"},
        "sequence": 9,
        "received_at": 1e9,
    }
    return RecordOut.model_validate({**fields, **changes})


def frame(**changes: object) -> ReplayFrame:
    fields = {
        "position": 3,
        "record": record(),
        "hash": "ab" * 32,
        "hash_ok": True,
        "status_before": "in_progress",
        "status_after": "approved",
        "before": facts(status="in_progress", accepted=1, gone="x", silent=0),
        "after": facts(status="approved", accepted=2, cost_usd=0.5, empty="", nothing=None),
        "changed": ["status", "accepted", "cost_usd", "empty", "nothing", "gone", "silent"],
    }
    return ReplayFrame.model_validate({**fields, **changes})


def test_a_frame_says_what_its_record_did() -> None:
    first, second, *rest = frame_lines(frame())
    assert first.lstrip().startswith("3 ")
    assert first.endswith("DO fanout_child_done  [in_progress → approved]")
    assert second.split() == ["clock", "4", "✓", "abababababab", "did:x"]
    assert [line.strip() for line in rest] == ["accepted: 1 → 2", "cost_usd: 0.5", "gone: x → gone"]


def test_a_wrong_hash_is_told_twice() -> None:
    lines = frame_lines(frame(hash="cd" * 32, hash_ok=False))
    assert "✗ abababababab hashes to cdcdcdcdcdcd" in lines[1]
    assert "2 records do not hash" in broken_lines(2)[-1]
    assert "1 record does not hash" in broken_lines(1)[-1]


def test_a_record_is_one_line_without_control_characters() -> None:
    line = record_line(record(body={"topic": "note", "text": "x" * 500, "bad": "\x1b[2J"}))
    assert "\x1b" not in line
    assert len(line) < 260
    assert "note" in line


def side(**changes: object) -> ComparedSide:
    fields = {"thread": THREAD, "records": 3, "status": "approved", "wall_secs": 2.0, "cost_usd": 0.5}
    return ComparedSide.model_validate({**fields, **changes})


def diff(*rows: ComparedRow) -> ThreadDiff:
    kinds = [row.kind for row in rows]
    return ThreadDiff(
        left=side(),
        right=side(wall_secs=None, cost_usd=None),
        rows=list(rows),
        total_rows=len(rows),
        first_divergence=next((at for at, kind in enumerate(kinds) if kind != "same"), None),
        facts=[],
        same=kinds.count("same"),
        differs=kinds.count("differs"),
        left_only=kinds.count("left"),
        right_only=kinds.count("right"),
    )


def at(position: int) -> ComparedRecord:
    return ComparedRecord(
        position=position, id="ab", act="DO", topic="t", actor="a", clock=1, status_after="open"
    )


ROWS = (
    ComparedRow(kind="same", step="task", left=at(1), right=at(1)),
    ComparedRow(kind="differs", step="done [0]", left=at(2), right=at(2), differences=["verdict"]),
    ComparedRow(kind="right", step="comment", right=at(3)),
)


def test_a_comparison_shows_where_two_threads_part() -> None:
    lines = diff_lines(diff(*ROWS), whole=False)
    assert "1 steps the same · 1 differ · 0 only in A · 1 only in B" in lines
    assert "first divergence: done [0] (row 2)" in lines
    assert lines[-2:] == ["≠     2     2  done [0]  (verdict)", ">     -     3  comment  (only in B)"]
    assert "=     1     1  task" in diff_lines(diff(*ROWS), whole=True)
    assert any("2.0s" in line and "—" in line for line in lines)


def test_threads_that_took_the_same_steps_are_said_to_have() -> None:
    assert diff_lines(diff(ROWS[0]), whole=False)[-1] == "✓ they took the same steps"


def test_an_empty_list_says_how_to_begin() -> None:
    assert list_lines([], False) == ["No threads.", "  Begin one: spl task add GOAL"]
    assert list_lines([THREAD], True)[-1] == "… and more: --limit 10"


def test_a_restore_tells_all_that_it_did_not_take() -> None:
    report = RestoreReport(
        dry_run=True,
        records=9,
        threads=2,
        created=5,
        present=1,
        skipped_count=1,
        skipped=[SkippedRecord(line=4, problem="DuplicateClock: …")],
        left_out=[LeftOut(thread="th_fleet_control", records=2)],
        unfinished=["th_x"],
    )
    lines = "\n".join(restore_lines(report))
    for words in ("5 would be restored, 1 were there", "line 4: DuplicateClock", "--reserved", "th_x"):
        assert words in lines
