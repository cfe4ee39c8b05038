"""Keys that hands know from other programs: half pages, breaking off, `:q`."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tui.model import commands, keymap
from tui.screens.base import ConsoleScreen
from tui.widgets.pane import Pane


async def in_a_crowd(page: Console, *keys: str) -> int:
    """The place of the chosen row among many, after these keys."""
    await page.press(*keys)
    table = page.table("instances")
    assert table.chosen is not None
    return page.rows("instances").index(table.chosen)


async def test_half_a_page_is_half_of_what_is_seen() -> None:
    async with console(status=sample.crowd(200)) as page:
        seen = page.table("instances").size.height - 2
        assert await in_a_crowd(page, "ctrl+d") == seen // 2
        assert await in_a_crowd(page, "ctrl+d", "ctrl+u") == seen // 2
        assert await in_a_crowd(page, "ctrl+u", "ctrl+u") == 0


async def test_half_a_page_of_help_too() -> None:
    async with console(status=sample.status(), size=(80, 24)) as page:
        await page.press("question_mark", "ctrl+d")
        pane = page.app.screen.query_one(Pane)
        assert pane.scroll_offset.y == pane.scrollable_content_region.height // 2
        await page.press("ctrl+u")
        assert pane.scroll_offset.y == 0


async def test_what_breaks_off_a_command_says_what_quits() -> None:
    keys = keymap.read({"quit": ["f10"]}, "{}".format)
    async with console(status=sample.status(), keymap=keys) as page:
        await page.press("ctrl+c")
        assert not page.app._exit
        (told,) = page.app._notifications
        assert told.message == "press f10 to quit; the fleet keeps running"


@pytest.mark.parametrize("opens", ["F", "colon", "question_mark", "slash"])
async def test_where_something_is_open_it_leaves_only_that(opens: str) -> None:
    async with console(status=sample.status()) as page:
        below = page.app.screen
        await page.press(opens, "x", "ctrl+c")
        assert page.app.screen is below
        assert not page.app._exit
        assert isinstance(below, ConsoleScreen)
        assert not below.filter


async def test_it_leaves_a_field_that_is_being_typed_in() -> None:
    async with console(status=sample.status()) as page:
        below = page.app.screen
        await page.press("colon", *"freeze", "space", *"docs", "enter")
        assert page.app.screen is not below
        await page.press("n", "x", "ctrl+c")
        assert page.app.screen is below


async def test_a_word_may_be_cut_short() -> None:
    async with console(status=sample.status()) as page:
        await page.press("colon", *"pol", "enter")
        assert page.app.fleet_screens.name == "policy"
        await page.press("colon", "q", "enter")
        assert page.app._exit


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("q", "quit"), ("q!", "q!"), ("t", "t"), ("task", "task"), ("tasks", "tasks"), ("fe", "feed"), ("", "")],
)
def test_a_word_that_two_begin_with_is_left_as_it_is(typed: str, meant: str) -> None:
    assert commands.whole(typed, ["fleet", "tasks", "threads", "feed", "policy"]) == meant
