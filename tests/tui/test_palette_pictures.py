"""The palette, as it opens and as it finds: as a picture, and in what it offers."""

from __future__ import annotations

from collections.abc import Callable

import console_sample as sample
import pytest
from console_fakes import FakeClient
from console_page import PATIENCE, Console, console
from console_snapshots import Pictured
from textual.command import CommandList
from textual.widgets import Input

from syncropel.cli.support.grammar import Grammar


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
    "opened": ((), ("Open the chosen row in full", "key enter")),
    "deed": (tuple("drill"), ("Practise the kill switch: the drill", "key D · spl drill kill")),
    "command": (tuple("task retry"), ("Retry the subtask, or all failed", "spl task retry")),
    "found": (tuple("docs"), ("task DOCS-11", "its join")),
}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("state", STATES)
async def test_palette(state: str, size: tuple[int, int], picture: Callable[[Pictured], None]) -> None:
    typed, wanted = STATES[state]
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(size, sample.status(), client, grammar=Grammar()) as page:
        await opens_palette(page)
        await page.press(*typed)
        await finds(page, *wanted)
        picture(page)
