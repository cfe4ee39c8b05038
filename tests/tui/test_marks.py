"""Marks are on what a row is about: they stay through order, filter, and news, and are counted in sight."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.tui import console_sample as sample
from tests.tui.console_page import Console, console
from tests.tui.sample_marks import Obliging, news, some_tasks, thread
from tests.tui.test_many_rows import MANY
from tui.model import filters
from tui.model.marks import Marks
from tui.screens.base import ConsoleScreen
from tui.screens.marking import Marking


@asynccontextmanager
async def listed(count: int = 6, **how: Any) -> AsyncIterator[Console]:
    """The Tasks screen with so many tasks."""
    how = {"size": (120, 40)} | how
    client = Obliging(some_tasks(count))
    async with console(status=sample.status(), client=client, screen="tasks", **how) as page:
        yield page


def marks(page: Console, table: str = "tasks") -> Marks:
    screen = page.app.screen
    assert isinstance(screen, Marking)
    return screen.marks_of(page.table(table))


def marked(page: Console, table: str = "tasks") -> list[str]:
    return [one.key for one in marks(page, table).all]


def title(page: Console, table: str = "tasks") -> str:
    return page.table(table)._title


async def test_m_marks_a_row_and_goes_on_and_again_unmarks_it() -> None:
    async with listed() as page:
        await page.press("m", "down", "m")
        assert marked(page) == [thread(1), thread(3)]
        assert title(page) == "TASKS 6 · 2 marked"
        lines = page.table("tasks").text().splitlines()
        assert [line[:2] for line in lines[2:8]] == [" ◆", "  ", " ◆", "▸ ", "  ", "  "]
        await page.press("home", "m")
        assert marked(page) == [thread(3)]
        assert title(page) == "TASKS 6 · 1 marked"


async def test_marks_are_on_identities_whatever_the_order() -> None:
    async with listed() as page:
        await page.press("down", "m")
        await news(page, [one.model_copy(update={"revision": 20 + n}) for n, one in enumerate(some_tasks())])
        assert marked(page) == [thread(2)]
        assert page.rows("tasks")[4] == thread(2)
        assert page.table("tasks").text().splitlines()[6].startswith(" ◆ · open         DOCS-2")
        await page.press("s", "s", "S")
        assert marked(page) == [thread(2)]


async def test_a_range_is_what_stands_between_as_it_is_shown() -> None:
    async with listed() as page:
        await page.press("down", "m", "down", "M")
        assert marked(page) == [thread(2), thread(3), thread(4)]
        await page.press("home", "M")
        assert marked(page) == [thread(2), thread(3), thread(4), thread(1)]


async def test_a_range_from_a_row_that_is_hidden_is_one_row() -> None:
    async with listed() as page:
        await page.press("m")
        await page.filter("status:open")
        await page.press("end", "M")
        assert marked(page) == [thread(1), thread(6)]


async def test_all_are_those_that_the_filter_shows_and_no_others() -> None:
    async with listed() as page:
        await page.filter("status:open")
        await page.press("asterisk")
        assert marked(page) == [thread(2), thread(4), thread(6)]
        assert title(page) == "TASKS 3 of 6 · 3 marked · filter status:open"
        await page.filter("DOCS-2")
        assert title(page).startswith("TASKS 1 of 6 · 3 marked, 2 hidden by the filter · filter")
        await page.press("escape")
        assert marked(page) == [thread(2), thread(4), thread(6)], (
            "what comes into sight is not marked by that"
        )
        await page.press("asterisk")
        assert len(marked(page)) == 6
        await page.press("asterisk")
        assert marked(page) == []


async def test_while_rows_are_looked_through_nothing_is_marked() -> None:
    async with console((120, 40), sample.crowd(MANY)) as page:
        screen = page.app.screen
        assert isinstance(screen, ConsoleScreen)
        screen.filter = filters.parse("alias:worker-0001", ("alias",))
        screen.action_mark_all()
        assert marked(page, "instances") == []
        await page.settle()
        (told,) = page.app._notifications
        assert "still looked through" in told.message
        await page.press("asterisk")
        assert len(marked(page, "instances")) == 1


async def test_what_has_changed_or_gone_is_told() -> None:
    async with console((120, 40), sample.status()) as page:
        await page.press("asterisk")
        there = sample.status().instances
        assert title(page, "instances") == f"INSTANCES {len(there)} · {len(there)} marked"
        other = there[1].model_copy(update={"status": "draining"})
        await page.hears(sample.status(instances=[there[0], other]))
        gone = len(there) - 2
        assert title(page, "instances") == f"INSTANCES 2 · {len(there)} marked, 1 changed since, {gone} gone"
        assert page.table("instances").text().splitlines()[3].startswith(" ◈ ")


async def test_esc_clears_the_filter_then_the_marks_and_then_goes_back() -> None:
    join = sample.join()
    client = Obliging([sample.task()])
    client.join(join)
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        await page.press("enter", "m", "m")
        await page.filter("state:accept")
        assert len(marked(page, "subtasks")) == 2
        await page.press("escape")
        assert title(page, "subtasks") == "SUBTASKS 5 · 2 marked"
        await page.press("escape")
        assert title(page, "subtasks") == "SUBTASKS 5"
        assert "›" in page.part("header"), "it has not gone back yet"
        await page.press("escape")
        assert "›" not in page.part("header")


async def test_a_group_stands_for_its_subtasks() -> None:
    client = Obliging([sample.task()])
    client.join(sample.folded())
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        await page.press("enter", "asterisk")
        assert len(marked(page, "subtasks")) == 1000
        assert title(page, "subtasks") == "SUBTASKS 1000 · 1000 marked"
        assert page.table("subtasks").text().splitlines()[5][:2] == " ◆", "the group"
        await page.press("end", "m")
        assert title(page, "subtasks") == "SUBTASKS 1000 · 3 marked"


async def test_each_task_has_marks_of_its_own_subtasks() -> None:
    client = Obliging([sample.task(), sample.task(2)])
    client.join(sample.join())
    client.join(sample.join(thread=thread(2), alias="DOCS-2"))
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        await page.press("tab", "m")
        assert marked(page, "subtasks") == ["0"]
        await page.press("tab", "down")
        await page.passes(1)
        assert marked(page, "subtasks") == []
        await page.press("up")
        assert marked(page, "subtasks") == ["0"]


async def test_rows_that_no_key_acts_on_together_are_not_marked() -> None:
    async with listed() as page:
        await page.press("5", "asterisk")
        assert marked(page, "permission") == []
        (told,) = page.app._notifications
        assert "rows of this list are not marked" in told.message
