"""Subtasks without a result: what waits, is lost, or was passed over says so, and no time goes on for it."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.wire import AddedByOut
from tests.tui import console_sample as sample
from tui.model import fleet, tree
from tui.model.glyphs import ASCII, UNICODE
from tui.model.moment import Moment

NOW = Moment(sample.AT, sample.AT)
OPEN: dict[str, Any] = {
    "state": "in_progress", "verdict": None, "wall_time_secs": None, "finished_at": None,
}  # fmt: skip


def cells(**changes: Any) -> dict[str, str]:
    join = sample.join(subtasks=[sample.child(0, **{**OPEN, **changes})])
    row = tree.subtask_rows(join, NOW, ASCII, 20)[0]
    return {key: cell.text for key, cell in row.cells.items()}


@pytest.mark.parametrize(
    ("changes", "state", "wall"),
    [
        ({"began_at": sample.AT - 30}, "> in progress", "30s"),
        ({"queued": True}, ". queued", "–"),
        ({"standing": "lost", "began_at": sample.AT - 90, "lost_at": sample.AT - 60}, "x lost", "30s"),
        ({"standing": "lost", "lost_at": sample.AT - 60}, "x lost", "–"),
        ({"standing": "not_begun"}, ". not begun", "–"),
        ({"standing": "not_begun", "queued": True}, ". not begun", "–"),
        ({"standing": "not_spawned", "state": "pending", "spawned_at": None}, ". not spawned", "–"),
    ],
)
def test_a_subtask_without_a_result(changes: dict[str, Any], state: str, wall: str) -> None:
    shown = cells(**changes)
    assert (shown["state"], shown["wall"]) == (state, wall)


def test_a_bar_ends_where_its_worker_was_lost() -> None:
    begun = {"spawned_at": sample.AT - 180, "began_at": sample.AT - 180}
    lost = cells(standing="lost", **begun, lost_at=sample.AT - 90)[tree.TIMELINE]
    assert (lost.rstrip()[-1], len(lost.rstrip())) == ("x", 10)
    assert cells(**begun)[tree.TIMELINE].endswith(">")


def test_what_went_on_after_the_join_is_dotted() -> None:
    ran = {"spawned_at": sample.AT - 180, "began_at": sample.AT - 180, "finished_at": sample.AT}
    join = sample.join(subtasks=[sample.child(0, **ran)], complete=True, joined_at=sample.AT - 90)
    bar = tree.subtask_rows(join, NOW, UNICODE, 20)[0].cells[tree.TIMELINE].text
    assert bar == "━" * 10 + "·" * 10


def test_when_it_was_lost_is_told_in_full() -> None:
    lost = sample.child(0, **OPEN, standing="lost", lost_at=sample.AT)
    told = {name: line.text for name, line in tree.detail_lines(lost, NOW, ASCII)}
    assert told["state"] == "x lost"
    assert told["lost"].startswith("20")
    assert "lost" not in dict(tree.detail_lines(sample.child(0), NOW, ASCII))


def test_what_is_lost_neither_runs_nor_waits() -> None:
    lost = sample.dispatch(0, lost_at=sample.AT - 5, began_at=sample.AT - 900, timeout_secs=1.0)
    status = sample.empty_status(dispatches=[lost, sample.dispatch(1), sample.dispatch(2, queued=True)])
    assert fleet.counts(status) == "1 live · 1 running · 1 queued · 1 lost"
    row = fleet.dispatch_rows(status, NOW, ASCII)[0]
    assert (row.cells["elapsed"].text, row.cells["elapsed"].tone) == ("lost", "warn")


def test_what_an_agent_says_of_its_progress_is_shown_while_it_runs() -> None:
    says = sample.child(0, **OPEN, progress="half done", summary="", last_words="")
    told = {name: line.text for name, line in tree.detail_lines(says, NOW, ASCII)}
    assert told["progress"] == "half done"
    assert "progress" not in dict(tree.detail_lines(sample.child(0), NOW, ASCII))


def test_who_added_a_subtask_is_told() -> None:
    added = sample.child(3, added_by=AddedByOut(index=1, attempt=2, depth=1, at=0.0))
    told = {name: line.text for name, line in tree.detail_lines(added, NOW, ASCII)}
    assert told["added by"] == "the agent of [1], attempt 2"
    assert "added by" not in dict(tree.detail_lines(sample.child(0), NOW, ASCII))
