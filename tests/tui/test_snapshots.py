"""Fleet and Tasks in all their states: in words, and where the layout shows as a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from syncropel.wire import FleetStatus, JoinStatus, TaskSummary
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, Steps, cases, drawn, nothing
from tui.widgets.table import Table

__all__ = ["drawn"]


async def goes_down(page: Console) -> None:
    await page.passes(3)
    await page.down()


async def falls_silent(page: Console) -> None:
    await page.passes(14)


async def breaks(page: Console) -> None:
    await page.loses()
    await page.passes(0)


async def filters(page: Console) -> None:
    await page.filter("!SITE-4 !worker-b")


async def looks_below(page: Console) -> None:
    await page.press("tab", "end")


async def asks_for_help(page: Console) -> None:
    await page.press("question_mark")


@dataclass(frozen=True)
class Given:
    """A state, how to come to it, and words that must then stand on the fleet and on the tasks screen."""

    fleet: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    status: FleetStatus | None = field(default_factory=sample.status)
    listed: list[TaskSummary] = field(default_factory=sample.tasks)
    join: JoinStatus = field(default_factory=sample.join)
    how: dict[str, Any] = field(default_factory=dict)
    steps: Steps = nothing


GIVEN = {
    "live": Given(
        ("● LIVE", "● live", "◐ stale", "4/4 +3", "DOCS-11[0]", "5/9", "✗ 2/3 accepted"),
        ("● LIVE", "… in progress", "DOCS-11", "… all = false · not done yet: 2/5", "├─[0]", "worker-b?"),
    ),
    "empty": Given(
        ("1 live", "nothing is running", "spl task add GOAL"), ("no task yet", "spl task add"),
        sample.empty_status(), [],
    ),
    "connecting": Given(
        ("INSTANCES ?", "waiting for the daemon"),
        ("TASKS ?", "nothing has been read yet: ↻ CONNECTING"),
        None,
    ),
    "one-row": Given(
        ("worker-a", "INSTANCES 1"), ("TASKS 1", "open: alice asked for it", "DOCS-1 is not fanned out"),
        sample.empty_status(instances=[sample.instance()]), [sample.tasks()[-1]],
    ),
    "many-rows": Given(
        ("INSTANCES 1001", "of 1001", "RUNNING 1000"), ("TASKS 1000", "of 1000"),
        sample.crowd(1000), [sample.task(), *(sample.task(n) for n in range(100, 1099))],
    ),
    "down": Given(
        ("✗ DOWN 18s, retry in 4s", "no daemon answers", "data is 18s old", "? was live"),
        ("✗ DOWN 18s, retry in 4s", "spl serve", "DOCS-11"), steps=goes_down,
    ),
    "stale": Given(
        ("◐ STALE 14s", "was 3 live", "says nothing", "? was live"), ("◐ STALE 14s", "was 3 live",),
        steps=falls_silent,
    ),
    "retrying": Given(
        ("◐ STALE 0s ↻ RETRYING #1 in 1s", "r tries now"), ("◐ STALE 0s ↻ RETRYING #1 in 1s",), steps=breaks
    ),
    "read-only": Given(("READ-ONLY",), ("READ-ONLY",), how={"read_only": True}),
    "frozen": Given(
        ("❄ FROZEN emergency: everything", "❄ FROZEN hard: docs/v0.11", "wrong prices"), ("❄ FROZEN hard",),
        sample.status(freezes=[sample.freeze(), sample.freeze(level="emergency", namespace="")]),
    ),
    "no-colour": Given(("● LIVE", "◐ stale"), ("✓ accept", "‖ blocked")),
    "ascii": Given(("* LIVE", "~ stale", "> coordinator"), ("+ accept", "|-[0]"), how={"ascii_only": True}),
    "filtered": Given(
        ("INSTANCES 3 of 4", "filter !SITE-4 !worker-b"), ("TASKS 3 of 4",), steps=filters,
    ),
    "help": Given(("Keys: Fleet", "mark the row"), ("Keys: Tasks",), steps=asks_for_help),
    "failed-join": Given(
        (),
        ("✗ all = false · it cannot join any more", "spl task retry DOCS-11 1", "✗ failed", "exit status 3"),
        join=sample.failed_join(),
    ),
    "joined": Given(
        (),
        ("✓ all = true · joined 115.0 s after", "4/4 accepted; [3] tipped it"),
        join=sample.joined(),
    ),
    "nested": Given(
        (), ("PART-7  1/3 Draw", "PART-8  Tell the"), join=sample.nested(), steps=looks_below
    ),
    "folded": Given(
        (),
        ("SUBTASKS 1000", "─[997]", "+997", "enter shows"),
        join=sample.folded(),
        steps=looks_below,
    ),
}  # fmt: skip
PICTURED: dict[str, tuple[Size, ...]] = {
    "fleet-live": (SMALL, USUAL), "tasks-live": (SMALL, USUAL),
    "fleet-empty": (SMALL,), "tasks-empty": (SMALL,),
    "fleet-many-rows": (USUAL,), "tasks-many-rows": (SMALL,),
    "fleet-down": (SMALL,), "tasks-down": (USUAL,),
    "fleet-stale": (USUAL,), "fleet-read-only": (SMALL,), "fleet-filtered": (USUAL,),
    "fleet-frozen": (SMALL,), "tasks-frozen": (USUAL,),
    "fleet-no-colour": (USUAL,), "tasks-no-colour": (SMALL,),
    "fleet-ascii": (SMALL,), "tasks-ascii": (USUAL,),
    "fleet-help": (SMALL,), "tasks-help": (USUAL,),
    "tasks-failed-join": (SMALL,), "tasks-joined": (USUAL,), "tasks-nested": (SMALL,),
    "tasks-folded": (USUAL,),
}  # fmt: skip
"""The states that have a picture, and in which size: where the layout is tight, or is made for the room."""
STATES = {
    (name := f"{screen}-{state}"): ScreenState(words, given.steps, PICTURED.get(name, ()), given.how)
    for state, given in GIVEN.items()
    for screen, words in (("fleet", given.fleet), ("tasks", given.tasks))
    if words
}


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_screen(name: str, size: Size, drawn: Drawn) -> None:
    screen, state = name.split("-", 1)
    given = GIVEN[state]
    client = FakeClient()
    client.tasks(given.listed)
    client.join(given.join)
    client.explain(sample.why(given.join))
    client.explain(sample.why_open())
    async with console(size, given.status, client, screen=screen, **given.how) as page:
        await given.steps(page)
        await drawn(page, STATES[name])
        if state == "no-colour":
            assert page.app.no_color
            assert page.app.native_ansi_color
            table = next(iter(page.app.screen.query(Table)))
            assert any(part.style and part.style.reverse for part in table.render_line(2)), "the selection"


def test_every_picture_is_of_a_state() -> None:
    assert set(PICTURED) <= set(STATES)
