"""The heads of columns: a click sorts, the next turns the order round, the third gives it up."""

from __future__ import annotations

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.sample_feed import FeedClient
from tui.widgets.table import GUTTER, Table


async def click_head(page: Console, table: str, column: str) -> None:
    line = page.table(table).render_line(1).text
    await page.pilot.click(f"#{table}", offset=(line.index(column), 1))
    await page.settle()


def titles(page: Console, table: str) -> str:
    return page.table(table).render_line(1).text


async def test_a_click_sorts_then_turns_then_leaves() -> None:
    async with console(status=sample.status()) as page:
        before = page.rows("instances")
        await click_head(page, "instances", "STATUS")
        assert "STATUS▲" in titles(page, "instances")
        rising = page.rows("instances")
        assert page.table("instances")._rows[-1].fields["status"] == "stale"
        await click_head(page, "instances", "STATUS")
        assert "STATUS▼" in titles(page, "instances")
        assert page.table("instances")._rows[0].fields["status"] == "stale"
        assert page.rows("instances") != rising
        await click_head(page, "instances", "STATUS")
        assert page.rows("instances") == before
        assert "▲" not in titles(page, "instances")


async def test_it_sorts_the_table_that_it_is_over_and_chooses_no_row() -> None:
    async with console(status=sample.status()) as page:
        await page.press("down")
        chosen = page.table("instances").chosen
        await click_head(page, "fanouts", "TASK")
        assert "TASK▲" in titles(page, "fanouts")
        assert "▲" not in titles(page, "instances")
        assert page.table("instances").chosen == chosen


@pytest.mark.parametrize("x", [0, GUTTER - 1, 119])
async def test_between_two_heads_there_is_nothing(x: int) -> None:
    async with console(status=sample.status()) as page:
        await page.pilot.click("#instances", offset=(x, 1))
        await page.settle()
        assert "▲" not in titles(page, "instances")


async def test_the_feed_stays_in_the_order_of_its_time() -> None:
    async with console(status=sample.status(), client=FeedClient(), screen="feed") as page:
        client = page.client
        assert isinstance(client, FeedClient)
        await page.passes(1)
        await page.pilot.click("#feed", offset=(GUTTER + 1, 1))
        await page.settle()
        assert "▲" not in page.app.screen.query_one("#feed", Table).text()


async def test_what_is_drawn_is_not_sorted_by() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        await click_head(page, "subtasks", "0s")  # the timeline's head is its axis
        assert "▲" not in titles(page, "subtasks")
        await click_head(page, "subtasks", "COST")
        assert "COST▲" in titles(page, "subtasks")
