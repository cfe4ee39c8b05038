"""The keys that move over rows move over lines that are longer than the screen; help says where one is."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tui.widgets.pane import Pane


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "1-19 of "),
        ("pagedown", "20-38 of "),
        ("j j", "3-21 of "),
        ("j j up", "2-20 of "),
        ("pagedown g", "1-19 of "),
        ("k", "1-19 of "),
    ],
)
async def test_help_tells_which_of_its_lines_are_seen(keys: str, told: str) -> None:
    async with console(status=sample.status(), size=(80, 24)) as page:
        await page.press("question_mark", *keys.split())
        assert told in page.drawn
        assert "pgup pgdn · / finds · esc closes" in page.drawn


async def test_the_last_line_is_reached_and_no_further() -> None:
    async with console(status=sample.status(), size=(80, 24)) as page:
        await page.press("question_mark", "G", "j", "pagedown")
        pane = page.app.screen.query_one(Pane)
        count = pane.virtual_size.height
        assert pane.scroll_offset.y == count - pane.size.height
        assert f"-{count} of {count} " in page.drawn
        await page.press("home")
        assert pane.scroll_offset.y == 0


async def test_help_that_is_seen_whole_has_nothing_to_tell() -> None:
    async with console(status=sample.status(), size=(120, 90)) as page:
        await page.press("question_mark")
        assert " of " not in (page.app.screen.query_one(Pane).border_subtitle or "")
        assert "esc closes" in page.drawn
