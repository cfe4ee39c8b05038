"""Keys that come in one go, as over a slow line: each belongs to what the one before has opened."""

from __future__ import annotations

import pytest
from textual import events
from textual.keys import _character_to_key, key_to_character
from textual.widgets import Input

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.sample_policy import PolicyClient
from tui.screens.base import ConsoleScreen


async def at_once(page: Console, keys: str, *more: str) -> None:
    for char in keys:
        page.app.post_message(events.Key(_character_to_key(char), char))
    for key in more:
        page.app.post_message(events.Key(key, key_to_character(key)))
    await page.settle()


@pytest.mark.parametrize("screen", ["fleet", "tasks", "threads", "feed", "policy"])
async def test_what_follows_the_slash_is_filtered_by_and_presses_nothing(screen: str) -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    async with console(status=sample.status(), client=client, screen=screen) as page:
        await at_once(page, "/doFcs:x/q")
        assert isinstance(page.app.screen, ConsoleScreen)
        assert page.app.screen.filter.text == "doFcs:x/q"
        assert page.app.is_running


async def test_enter_behind_it_keeps_the_filter_and_opens_nothing() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        before = page.app.screen
        await at_once(page, "/docs", "enter")
        assert page.app.screen is before
        assert before.filter.text == "docs"  # type: ignore[attr-defined]
        assert page.app.focused is page.table("tasks")


async def test_what_follows_a_line_that_was_entered_is_no_part_of_it() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    async with console(status=sample.status(), client=client, screen="fleet") as page:
        await at_once(page, "/worker", "enter", "2", "slash", "d", "o", "enter", "j")
        assert page.app.current_mode == "local/tasks"
        assert page.app.screen.filter.text == "do"  # type: ignore[attr-defined]
        await at_once(page, ":theme console-day", "enter", "1")
        assert page.app.theme == "console-day"
        assert page.app.current_mode == "local/fleet"


async def test_what_follows_the_key_of_a_dialog_is_for_that_dialog() -> None:
    async with console(status=sample.status(), client=PolicyClient(), screen="policy") as page:
        await at_once(page, "+nno/bots:x")
        assert page.app.screen.query_one("#name", Input).value == "no/bots:x"


async def test_a_word_and_tab_in_one_go_complete_that_word() -> None:
    async with console(status=sample.status(), screen="tasks") as page:
        await at_once(page, ":con", "tab")
        assert page.app.screen.query_one("#line", Input).value == "config"
        await page.press("tab")
        assert page.app.screen.query_one("#line", Input).value == "context"


async def test_what_follows_the_x_of_policy_is_the_expression() -> None:
    async with console(status=sample.status(), client=PolicyClient(), screen="policy") as page:
        await at_once(page, "xFxc/ == 1")
        assert page.app.screen.query_one("#expression", Input).value == "Fxc/ == 1"
