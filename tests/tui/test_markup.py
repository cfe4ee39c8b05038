"""Foreign text with brackets in it, wherever Textual would read markup: it is shown as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.widgets._toast import Toast

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage
from tests.tui.fleets_page import HOME, PROD, consoles, daemon
from tui.app.palette import Jumps

ODD = ("see [/b] x", "[bold]x[/bold]", "[@click=app.quit]x", "[/")
"""An end without a beginning is an error to Textual; the others would lose their brackets, or be a link."""


def client(alias: str) -> FakeClient:
    made = FakeClient()
    made.tasks([sample.task(4, alias=alias)])
    return made


async def told(page: Console) -> list[str]:
    """What stands in the corner: a test does not show it."""
    await page.settle()
    with page.app._context():
        return [Toast(one).render().plain for one in page.app._notifications]


async def test_in_a_corner() -> None:
    async with console((80, 24), sample.status()) as page:
        for words in ODD:
            page.app.screen.notify(words)
            page.app.notify(words, markup=True)
        assert await told(page) == [words for words in ODD for _ in range(2)]


async def test_when_it_is_copied() -> None:
    async with console((80, 24), sample.status()) as page:
        front = page.app.fleet_screens.front()
        assert front is not None
        for words in ODD:
            front.yank(words)
            assert page.app.clipboard == words
        assert await told(page) == [f"copied {words}" for words in ODD]


@pytest.mark.parametrize("alias", ODD)
async def test_in_the_title_of_a_dialog(alias: str) -> None:
    async with console((80, 24), sample.status(), client(alias), screen="tasks") as page:
        for key, begin in (("i", "Why · "), ("C", "Cancel task ")):
            await page.press(key)
            assert DialogPage(page).title == f"{begin}{alias}"
            assert f"{begin}{alias}" in page.drawn
            await page.press("escape")


@pytest.mark.parametrize("name", ODD)
async def test_in_the_name_of_a_fleet(name: str) -> None:
    fleets = (replace(HOME, name=name), PROD)
    async with consoles({name: daemon("local"), "prod": daemon("prod")}, fleets, current=name) as page:
        await page.press("F")
        assert DialogPage(page).dialog.query_one("#dialog").border_subtitle
        assert any(f"─ {name} ─" in line for line in page.drawn.splitlines())


async def test_in_what_the_palette_finds() -> None:
    async with console((80, 24), sample.status(), client(ODD[0])) as page:
        found = [hit async for hit in Jumps(page.app.screen).search("task see")]
        assert [str(hit.prompt) for hit in found] == [f"task {ODD[0]}"]
