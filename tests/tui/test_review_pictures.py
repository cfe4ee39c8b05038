"""The review pane as it is drawn: narrow, wide with notes, and without any colour."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui.console_page import Console, without_colour
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_review import reviewing

Picture = Callable[[Console], None]


async def test_narrow(picture: Picture) -> None:
    async with reviewing(size=(80, 24)) as (page, _, _):
        await page.press("]", "j", "j")
        picture(page)


async def test_with_notes(picture: Picture) -> None:
    async with reviewing() as (page, _, _):
        await page.press("]", "j", "j", "n")
        await DialogPage(page).type("say which dollars")
        await page.press("enter", "enter", "G", "n")
        await DialogPage(page).type("who asked for a logo?")
        await page.press("enter", "enter", "g", "x")
        await page.passes(1)
        picture(page)


async def test_two_attempts_without_colour(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    without_colour(monkeypatch)
    async with reviewing() as (page, _, _):
        await page.press("d", "]", "j", "j")
        picture(page)
