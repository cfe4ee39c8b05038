"""The help: nothing of it is cut off, however narrow the terminal is."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tui.screens.help import HelpScreen
from tui.widgets.lines import Lines


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("screen", ["fleet", "tasks", "threads", "feed", "policy"])
async def test_keys_and_their_twins_are_told_whole(screen: str, width: int) -> None:
    async with console((width, 40), sample.status(), screen=screen) as page:
        front = page.app.fleet_screens.front()
        assert front is not None
        wanted = {word for one in front.actions() if one.cli for word in one.cli.split()}
        await page.press("question_mark")
        help_ = page.app.screen
        assert isinstance(help_, HelpScreen)
        keys = help_.query_one("#keys", Lines)
        assert wanted <= set(keys.text.split())
        assert max(cell_len(line) for line in keys.text.splitlines()) <= keys.size.width
