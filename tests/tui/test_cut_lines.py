"""A line that is too long for its place says so: what is missing is never missing in silence."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tui.widgets.lines import Lines, Span


@pytest.mark.parametrize(
    ("ascii_only", "words", "drawn"),
    [
        (False, ("it has: fleet:read",), "it has: f…"),
        (True, ("it has: fleet:read",), "it has: f~"),
        (False, ("it has: ", "fleet", " and more"), "it has: f…"),
        (False, ("it has: it",), "it has: it"),
        (False, ("it has it", "   "), "it has it "),
        (False, ("目目目目目目",), "目目目目 …"),
        (False, ("",), " " * 10),
    ],
)
async def test_a_line_too_long_ends_in_an_ellipsis(
    ascii_only: bool, words: tuple[str, ...], drawn: str
) -> None:
    async with console((120, 40), sample.status(), ascii_only=ascii_only) as page:
        lines = Lines(id="here")
        await page.app.screen.mount(lines)
        lines.styles.width = 10
        lines.show([tuple(Span(one) for one in words)])
        await page.settle()
        assert lines.render_line(0).text == drawn


async def test_the_narrowest_terminal_has_room_for_the_number_of_records() -> None:
    async with console((60, 16), sample.status(records=100_040)) as page:
        assert "100.0k records" in page.drawn
