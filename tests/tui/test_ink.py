"""What reaches the terminal at last: with `--ascii` nothing but ASCII, whatever drew it."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui import sample_threads
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.sample_threads import ThreadClient
from tui.widgets.ink import AsciiOnly, Colourless

BLACK = Color(0, 0, 0)
OVER = {
    "help": ("question_mark",),
    "palette": ("ctrl+p",),
    "command": ("colon", "t"),
    "freeze": ("F",),
    "freezes": ("L",),
    "drill": ("D",),
    "fleets": ("c",),
    "what-if": ("w",),
}
"""What lies over a screen, by the keys that open it."""


def odd(page: Console) -> str:
    """What is drawn that is no ASCII."""
    return "".join(sorted({char for char in page.drawn if not char.isascii()}))


def everything() -> FakeClient:
    """A client that knows of fleet, tasks, a fan-out and freezes."""
    client = control.daemon()
    client.tasks([sample.task(number) for number in range(60)])
    client.join(sample.join())
    return client


@pytest.mark.parametrize("screen", ["fleet", "tasks", "feed", "policy"])
async def test_every_frame_of_a_screen_and_of_what_lies_over_it_is_ascii(screen: str) -> None:
    status = sample.crowd(60)
    async with console((80, 24), status, everything(), screen=screen, ascii_only=True) as page:
        await page.passes(5)
        assert odd(page) == ""
        for name, keys in OVER.items():
            await page.press(*keys)
            assert odd(page) == "", name
            await page.press("escape")
        await page.down()
        assert odd(page) == "", "down"


async def test_a_replay_is_ascii_with_its_scroll_bars() -> None:
    client = ThreadClient(sample_threads.some())
    client.hold(sample.THREAD, sample_threads.talk(60))
    async with console((80, 24), sample.status(), client, screen="threads", ascii_only=True) as page:
        await page.passes(5)
        await page.press("enter")
        assert page.table("records").scrollbar_size_vertical == 1
        assert odd(page) == ""
        await page.press("home")
        assert odd(page) == ""


def test_the_ascii_of_a_frame_is_as_wide_as_it_was() -> None:
    drawn = AsciiOnly().apply([Segment("╭─ 日本 ─╮", Style(bold=True)), Segment("as it was")], BLACK)
    assert [one.text for one in drawn] == ["+- ???? -+", "as it was"]
    assert drawn[0].style == Style(bold=True)


def test_without_colour_weight_and_clicks_are_left() -> None:
    style = Style(color="red", bgcolor="default", bold=True, reverse=True, meta={"@click": "app.help"})
    (drawn,) = Colourless().apply([Segment("help", style)], BLACK)
    assert drawn.style is not None
    assert (drawn.style.color, drawn.style.bgcolor) == (None, None)
    assert (drawn.style.bold, drawn.style.reverse, drawn.style.meta) == (True, True, {"@click": "app.help"})
