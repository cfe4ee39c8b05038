"""Both screens in all their states at both sizes: as a picture, and in what the picture means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import console_sample as sample
import pytest
from console_fakes import FakeClient
from console_page import Console, console, without_colour
from console_snapshots import Pictured

from syncropel.wire import FleetStatus, JoinStatus, TaskSummary
from tui.widgets.table import Table

Steps = Callable[[Console], Awaitable[None]]


async def nothing(page: Console) -> None:
    """It is in its state already."""


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
class State:
    """A state, how to come to it, and words that must then stand on the fleet and on the tasks screen."""

    fleet: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    status: FleetStatus | None = field(default_factory=sample.status)
    listed: list[TaskSummary] = field(default_factory=sample.tasks)
    join: JoinStatus = field(default_factory=sample.join)
    how: dict[str, Any] = field(default_factory=dict)
    steps: Steps = nothing


STATES = {
    "live": State(
        ("● LIVE", "● live", "◐ stale", "4/4 +3", "DOCS-11[0]", "5/9", "✗ 2/3 accepted"),
        ("● LIVE", "… in progress", "DOCS-11", "… all = false · not done yet: 2/5", "├─[0]", "worker-b?"),
    ),
    "empty": State(
        ("1 live", "nothing is running", "spl task add GOAL"), ("no task yet", "spl task add"),
        sample.empty_status(), [],
    ),
    "connecting": State(
        ("INSTANCES ?", "waiting for the daemon"), ("TASKS ?", "nothing was read yet: ↻ CONNECTING"), None
    ),
    "one-row": State(
        ("worker-a", "INSTANCES 1"), ("TASKS 1", "open: alice asked for it", "DOCS-1 is not fanned out"),
        sample.empty_status(instances=[sample.instance()]), [sample.tasks()[-1]],
    ),
    "many-rows": State(
        ("INSTANCES 1001", "of 1001", "RUNNING 1000"), ("TASKS 1000", "of 1000"),
        sample.crowd(1000), [sample.task(), *(sample.task(n) for n in range(100, 1099))],
    ),
    "down": State(
        ("✗ DOWN 18s, retry in 4s", "no daemon answers", "data is 18s old", "? was live"),
        ("✗ DOWN 18s, retry in 4s", "spl serve", "DOCS-11"), steps=goes_down,
    ),
    "stale": State(
        ("◐ STALE 14s", "was 3 live", "says nothing", "? was live"), ("◐ STALE 14s", "was 3 live",),
        steps=falls_silent,
    ),
    "retrying": State(
        ("◐ STALE 0s ↻ RETRYING #1 in 1s", "r tries now"), ("◐ STALE 0s ↻ RETRYING #1 in 1s",), steps=breaks
    ),
    "read-only": State(("READ-ONLY",), ("READ-ONLY",), how={"read_only": True}),
    "frozen": State(
        ("❄ FROZEN emergency: everything", "❄ FROZEN hard: docs/v0.11", "wrong prices"), ("❄ FROZEN hard",),
        sample.status(freezes=[sample.freeze(), sample.freeze(level="emergency", namespace="")]),
    ),
    "no-colour": State(("● LIVE", "◐ stale"), ("✓ accept", "‖ blocked")),
    "ascii": State(("* LIVE", "~ stale", "> coordinator"), ("+ accept", "|-[0]"), how={"ascii_only": True}),
    "filtered": State(
        ("INSTANCES 3 of 4", "filter !SITE-4 !worker-b"), ("TASKS 3 of 4",), steps=filters,
    ),
    "help": State(("Keys: Fleet", "spl fleet status"), ("Keys: Tasks",), steps=asks_for_help),
    "failed-join": State(
        ("● LIVE",),
        ("✗ all = false · it cannot join any more", "spl task retry DOCS-11 1", "✗ failed", "exit status 3"),
        join=sample.failed_join(),
    ),
    "joined": State(
        ("● LIVE",),
        ("✓ all = true · joined 115.0 s after", "4/4 accepted; [3] tipped it"),
        join=sample.joined(),
    ),
    "nested": State(
        ("● LIVE",), ("PART-7  1/3 Draw", "PART-8  Tell the"), join=sample.nested(), steps=looks_below
    ),
    "folded": State(
        ("● LIVE",),
        ("SUBTASKS 1000", "─[997]", "+997", "enter shows"),
        join=sample.folded(),
        steps=looks_below,
    ),
}  # fmt: skip
_FLEET_SHOWS_NONE = {"failed-join", "joined", "nested", "folded"}
CASES = [
    pytest.param(screen, state, size, id=f"{screen}-{state}-{size[0]}x{size[1]}")
    for state in STATES
    for screen in ("fleet", "tasks")
    for size in ((80, 24), (120, 40))
    if not (screen == "fleet" and state in _FLEET_SHOWS_NONE)
]


@pytest.mark.parametrize(("screen", "state", "size"), CASES)
async def test_screen(
    screen: str,
    state: str,
    size: tuple[int, int],
    picture: Callable[[Pictured], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = STATES[state]
    if state == "no-colour":
        without_colour(monkeypatch)
    client = FakeClient()
    client.tasks(given.listed)
    client.join(given.join)
    client.explain(sample.why(given.join))
    client.explain(sample.why_open())
    async with console(size, given.status, client, screen=screen, **given.how) as page:
        await given.steps(page)
        shown = page.drawn
        for expected in given.fleet if screen == "fleet" else given.tasks:
            assert expected in shown
        if state == "no-colour":
            assert page.app.no_color
            assert page.app.native_ansi_color
            table = next(iter(page.app.screen.query(Table)))
            assert any(part.style and part.style.reverse for part in table.render_line(2)), "the selection"
        if state == "ascii":
            assert shown.isascii()
        picture(page)
