"""A provider on which nothing starts, as the console shows it."""

from __future__ import annotations

import pytest

from syncropel.wire import PauseOut
from tests.tui import console_sample as sample
from tests.tui.console_page import console

TOLD = "provider anthropic is paused until 12:30 UTC: quota is spent"


def pause(told: str = TOLD) -> PauseOut:
    return PauseOut(provider="anthropic", until=sample.AT + 600, secs=600.0, told=told)


async def test_the_banner_says_which_provider_is_paused_until_it_is_resumed() -> None:
    async with console(status=sample.status(paused=[pause()])) as page:
        assert TOLD in page.part("banner")
        await page.hears(sample.status())
        assert TOLD not in page.part("banner")


async def test_a_freeze_stands_above_a_pause() -> None:
    async with console(status=sample.status(freezes=[sample.freeze()], paused=[pause()])) as page:
        shown = page.part("banner")
        assert shown.index("FROZEN") < shown.index(TOLD)


@pytest.mark.parametrize("told", ["provider x is paused: \x1b[31mred", "provider x " + "y" * 500])
async def test_no_words_break_the_banner(told: str) -> None:
    async with console(status=sample.status(paused=[pause(told)])) as page:
        shown = page.part("banner")
        assert "\x1b" not in shown
        assert "provider x" in shown
