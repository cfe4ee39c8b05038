"""A daemon that is newer than the console: what can be read is shown, and the rest as it came."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.client import freeze_text, reading
from syncropel.wire import BlastRadius, JoinStatus, TaskSummary
from syncropel.wire.version import is_newer
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tui.model import freezes
from tui.model.glyphs import ASCII, UNICODE
from tui.model.link import Phase
from tui.model.newer import Newer
from tui.model.rows import state_cell

NEW = "the daemon is newer (v0.9.0, this console v0.1.0)"


def snapshot(**changes: Any) -> dict[str, Any]:
    """A status as a daemon of tomorrow might send it."""
    sent = sample.status(version="0.9.0", freezes=[sample.freeze()]).model_dump(mode="json")
    sent["instances"][1] |= {"status": "asleep", "dreams": 4}
    sent["instances"][2] |= {"role": "observer"}
    sent["freezes"][0] |= {"level": "lockdown"}
    return sent | {"moon": "full"} | changes


async def says(page: Console, sent: dict[str, Any]) -> None:
    page.client.say("fleet.snapshot", sent)
    await page.settle()


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_an_unknown_word_is_shown_as_it_came(ascii_only: bool) -> None:
    async with console((200, 50), version="0.1.0", ascii_only=ascii_only) as page:
        await says(page, snapshot())
        assert page.app.fleets.front.world.link.phase is Phase.LIVE
        instances = page.table("instances").text()
        assert "? asleep" in instances
        assert "? observer" in instances
        assert "coordinator" in instances
        assert "FROZEN ? lockdown: docs/v0.11" in page.part("banner")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_status_is_never_cut_also_when_the_connection_is_away(size: tuple[int, int]) -> None:
    sent = snapshot()
    sent["instances"][1]["status"] = "hibernating"
    sent["instances"][2]["status"] = "draining"
    async with console(size, version="0.1.0") as page:
        await says(page, sent)
        assert "? hibernating" in page.table("instances").text()
        assert "◑ draining" in page.table("instances").text()
        await page.down()
        assert "? was hibernating" in page.table("instances").text()
        assert "? was draining" in page.table("instances").text()


async def test_that_the_daemon_is_newer_is_told_once() -> None:
    async with console(version="0.1.0") as page:
        await says(page, snapshot())
        await says(page, snapshot(records=4821))
        assert [one.message for one in page.app._notifications] == [
            f"{NEW}: what is unknown here is marked with ?"
        ]
        assert "daemon v0.9.0, console v0.1.0" in page.part("header")
        await says(page, snapshot(version="0.9.1"))
        assert len(page.app._notifications) == 2, "that is another one"


async def test_an_unknown_freeze_can_be_looked_at_on_policy() -> None:
    async with console((200, 50), version="0.1.0") as page:
        await says(page, snapshot())
        await page.press("5", "f")
        assert "? lockdown" in page.drawn


async def test_a_task_and_a_subtask_in_unknown_states_stand_in_their_lists() -> None:
    client = FakeClient()
    task = sample.task().model_dump(mode="json") | {"status": "paused"}
    join = sample.join().model_dump(mode="json")
    join["subtasks"][0] |= {"state": "dreaming"}
    client.tasks([reading.document(TaskSummary, task)])
    client.join(reading.document(JoinStatus, join))
    async with console((120, 40), sample.status(), client) as page:
        await page.press("2")
        await page.settle()
        assert "? paused" in page.table("tasks").text()
        assert "? dreaming" in page.drawn


async def test_what_is_no_snapshot_at_all_is_still_refused() -> None:
    async with console(version="0.1.0") as page:
        broken = snapshot()
        broken["instances"][1] |= {"status": {"no": "word"}}
        await says(page, broken)
        assert page.app.fleets.front.world.status is None
        assert "cannot read (instances.1.status" in page.part("banner")
        assert not page.app._notifications


def test_an_unknown_level_counts_as_the_gravest() -> None:
    sent = sample.status(
        freezes=[sample.freeze(level="emergency", namespace="*"), sample.freeze(namespace="a", at=1.0)]
    ).model_dump(mode="json")
    sent["freezes"][1]["level"] = "lockdown"
    status = reading.document(type(sample.status()), sent)
    assert [one.level for one in freezes.worst_first(status)] == ["lockdown", "emergency"]


def test_what_an_unknown_freeze_would_end_is_told_as_it_came() -> None:
    sent = {
        "at": 1.0, "level": "lockdown", "namespace": "docs", "ends": "at dawn", "in_flight": 1, "pending": 0,
        "open_tasks": 1, "spend_usd": 0.1, "instances": ["worker-a"], "confirming": 1, "descendants": 0,
        "descendants_named": [], "fanouts": 1, "fanouts_met": [], "frozen": [],
    }  # fmt: skip
    assert "at dawn" in freeze_text.blast_lines(reading.document(BlastRadius, sent))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_state_that_nobody_knows_has_a_question_mark_and_never_a_good_colour(glyphs: Any) -> None:
    cell = state_cell("paused", glyphs)
    assert (cell.text, cell.tone) == ("? paused", "warn")


@pytest.mark.parametrize(
    ("theirs", "ours", "newer"),
    [
        ("0.2.0", "0.1.9", True),
        ("0.10.0", "0.9.0", True),
        ("1.0", "1", False),
        ("0.1.0", "0.1.0", False),
        ("0.1.0", "0.2.0", False),
        ("v2", "1.9.9", True),
        ("nonsense", "0.1.0", False),
        ("9" * 5000, "0.1.0", True),
        ("2.0", "", False),
    ],
)
def test_versions_are_compared_by_their_numbers(theirs: str, ours: str, newer: bool) -> None:
    assert is_newer(theirs, ours) is newer


def test_each_fleet_is_told_of() -> None:
    newer = Newer("0.1.0")
    assert newer.news("prod", "0.9.0").startswith(NEW)
    assert not newer.news("prod", "0.9.0")
    assert newer.news("stage", "0.9.0").startswith(NEW)
    assert not newer.news("local", "0.1.0")
