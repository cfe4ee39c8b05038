"""The palette, as it opens and as it finds: in what it offers, and as pictures."""

from __future__ import annotations

import pytest
from textual.command import CommandList
from textual.widgets import Input

from syncropel.cli.support.grammar import Grammar
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import PATIENCE, Console, console
from tests.tui.console_states import SMALL, USUAL, Drawn, ScreenState, Size, cases, drawn, pressing

__all__ = ["drawn"]


async def opens_palette(page: Console) -> None:
    await page.press("ctrl+p")
    page.app.screen.query_one(Input).cursor_blink = False


async def finds(page: Console, *wanted: str) -> None:
    """Until all of these are offered: the palette looks in tasks and by a clock of its own."""
    for _ in range(PATIENCE):
        await page.pilot.pause(0.01)
        if all(words in page.drawn for words in wanted):
            break
    offered = page.app.screen.query_one(CommandList)
    assert all(words in page.drawn for words in wanted), [str(one.prompt) for one in offered.options]
    await page.settle()


STATES = {
    "opened": ScreenState(("Open the chosen row in full", "key enter"), pressing(), (SMALL,)),
    "deed": ScreenState(
        ("Practise the kill switch: the drill", "key D · spl drill kill"), pressing(*"drill"), (SMALL,)
    ),
    "command": ScreenState(
        ("Retry the subtask, or all failed", "spl task retry"), pressing(*"task retry"), (SMALL,)
    ),
    "found": ScreenState(("task DOCS-11", "its join"), pressing(*"docs"), (USUAL,)),
}


@pytest.mark.parametrize(("name", "size"), cases(STATES))
async def test_palette(name: str, size: Size, drawn: Drawn) -> None:
    state = STATES[name]
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(size, sample.status(), client, grammar=Grammar()) as page:
        await opens_palette(page)
        await state.steps(page)
        await finds(page, *state.words)
        await drawn(page, state)
