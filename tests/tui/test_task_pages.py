"""The console reads every page of the tasks, and says when it has not."""

from __future__ import annotations

from typing import Any

import console_sample as sample

from syncropel.api.schema import Page, TaskSummary
from tui.model.world import World
from tui.task_pages import MOST_PAGES, read_tasks


class Pages:
    """Answers with these pages, one after the other; the last for ever."""

    def __init__(self, *pages: Page[TaskSummary]) -> None:
        self.pages = list(pages)
        self.befores: list[Any] = []

    async def __call__(self, call: Any) -> Page[TaskSummary]:
        self.befores.append((call.query or {}).get("before"))
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


async def test_it_goes_on_where_the_page_before_ended() -> None:
    first, *others = sample.tasks()
    send = Pages(Page[TaskSummary](data=[first], next_cursor=7), Page[TaskSummary](data=others))
    tasks, all_read = await read_tasks(send)
    assert (tasks, all_read) == ([first, *others], True)
    assert send.befores == [None, 7]


async def test_a_task_that_comes_on_two_pages_is_one_row() -> None:
    first, *others = sample.tasks()
    send = Pages(Page[TaskSummary](data=[first], next_cursor=7), Page[TaskSummary](data=[first, *others]))
    assert (await read_tasks(send))[0] == [first, *others]


async def test_pages_without_an_end_do_and_it_is_said() -> None:
    send = Pages(Page[TaskSummary](data=sample.tasks(), next_cursor=7))
    tasks, all_read = await read_tasks(send)
    assert len(send.befores) == MOST_PAGES
    assert not all_read
    assert World().listed(tasks, all_read=all_read).more_tasks
    assert not World().listed(tasks).more_tasks
