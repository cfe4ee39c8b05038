"""Tones belong to the screen: matched once for it, not once for each widget, and right after any change."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tui.app import themes
from tui.widgets.toned import Toned


def inks(page: Console) -> set[tuple[str, str]]:
    """What is written, and in which colours."""
    return {
        (segment.text.strip(), f"{segment.style}")
        for strip in page.app.screen._compositor.render_strips()
        for segment in strip
        if segment.text.strip()
    }


async def drawn_anew(page: Console) -> set[tuple[str, str]]:
    for widget in page.app.screen.query("*"):
        widget.refresh()
    await page.settle()
    return inks(page)


@pytest.mark.parametrize("keys", ["1", "2", "3", "4", "5", "?", "F"])
async def test_no_widget_has_rules_of_its_own_for_tones(keys: str) -> None:
    async with console((120, 40), sample.status()) as page:
        await page.press(*keys)
        screen = page.app.screen
        widgets = list(screen.query(Toned))
        assert widgets
        assert not {one for widget in widgets for one in widget._component_styles if one.startswith("tone--")}
        assert "tone--muted" in screen._component_styles


@pytest.mark.parametrize("keys", [[], ["F"], ["question_mark"]])
async def test_other_colours_hold_for_all_that_is_drawn(keys: list[str]) -> None:
    async with console((120, 40), sample.status()) as page:
        await page.press("2", "1", *keys)
        for theme in reversed(themes.ALL):
            page.app.appearance.wear(theme.name)
            await page.settle()
            assert inks(page) == await drawn_anew(page), theme.name
        await page.press(*(["escape"] if keys else []), "2")
        assert inks(page) == await drawn_anew(page)
