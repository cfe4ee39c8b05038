"""What a dialog lies on is seen behind it, and stands back: dimmed where no colour can be mixed."""

from __future__ import annotations

import pytest
from rich.segment import Segment

from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console, without_colour


def drawn_line(page: Console, words: str) -> list[Segment]:
    """The segments of the first line that has these words."""
    assert words in page.drawn
    lines = page.app.screen._compositor.render_strips()
    return next(list(line) for line in lines if words in line.text)


@pytest.mark.parametrize("key", ["F", "question_mark"])
async def test_without_colour_the_screen_behind_is_seen_dim_and_the_box_is_not(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_colour(monkeypatch)
    async with console((120, 40), sample.status()) as page:
        assert any(one.style and one.style.bold for one in drawn_line(page, "● LIVE"))
        await page.press(key)
        behind = [one.style for one in drawn_line(page, "● LIVE") if one.text.strip()]
        assert all(style and style.dim and not style.bold for style in behind)
        box = drawn_line(page, "level (l)" if key == "F" else "This screen")
        assert any(one.style is None or not one.style.dim for one in box)


async def test_without_colour_a_command_is_typed_below_the_screen_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_colour(monkeypatch)
    async with console((120, 40), sample.status()) as page:
        await page.press("colon")
        assert any(one.style and one.style.bold for one in drawn_line(page, "● LIVE"))
        assert "tab completes" in page.drawn
