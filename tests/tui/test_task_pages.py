"""The console reads every page of the tasks once, then what has changed, and says what it has not read."""

from __future__ import annotations

from typing import Any

import pytest

from syncropel.errors import DaemonUnreachable
from syncropel.wire import Page, TaskSummary
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tui.connection.task_pages import MOST_PAGES, TaskPages
from tui.model.world import World

Answer = Page[TaskSummary] | Exception


def page(*tasks: TaskSummary, more: int | None = None) -> Page[TaskSummary]:
    return Page[TaskSummary](data=list(tasks), next_cursor=more)


class Daemon:
    """Answers with these pages, one after the other; the last for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, call: Any) -> Page[TaskSummary]:
        self.asked.append(dict(call.query or {}))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_it_goes_on_where_the_page_before_ended() -> None:
    first, *others = sample.tasks()
    daemon = Daemon(page(first, more=7), page(*others))
    pages = TaskPages(daemon)
    assert (await pages.read(), pages.all_read) == ([first, *others], True)
    assert [one.get("before") for one in daemon.asked] == [None, 7]


async def test_a_task_that_comes_on_two_pages_is_one_row() -> None:
    first, *others = sample.tasks()
    assert await TaskPages(Daemon(page(first, more=7), page(first, *others))).read() == [first, *others]


async def test_pages_without_an_end_do_and_it_is_said() -> None:
    daemon = Daemon(page(*sample.tasks(), more=7))
    pages = TaskPages(daemon)
    tasks = await pages.read()
    assert len(daemon.asked) == MOST_PAGES
    assert not pages.all_read
    assert World().listed(tasks, all_read=pages.all_read).more_tasks
    assert not World().listed(tasks).more_tasks


async def test_once_all_are_known_only_changes_are_asked_for() -> None:
    first, *others = (one.model_copy(update={"revision": 9 - n}) for n, one in enumerate(sample.tasks()))
    changed = others[1].model_copy(update={"revision": 12, "status": "rejected"})
    new = sample.task(30, revision=13)
    pages = TaskPages(daemon := Daemon(page(first, *others), page(new, changed), page()))
    await pages.read()
    assert await pages.read() == [new, changed, first, others[0], others[2]]
    assert (await pages.read())[0] == new
    assert [one.get("since") for one in daemon.asked] == [None, 9, 13]


async def test_more_changes_than_a_page_holds_and_another_daemon_are_read_whole() -> None:
    tasks = sample.tasks()
    daemon = Daemon(page(*tasks), page(*tasks[:1], more=5), page(*tasks[:2]), page(*tasks[2:]))
    pages = TaskPages(daemon)
    await pages.read()
    assert await pages.read() == tasks[:2]
    pages.forget()
    assert await pages.read() == tasks[2:]
    assert [one.get("since") for one in daemon.asked] == [None, 17, None, None]


async def test_what_could_not_be_read_is_read_the_next_time() -> None:
    first, *others = sample.tasks()
    lost = DaemonUnreachable("no answer", "see: spl status")
    pages = TaskPages(Daemon(page(first, more=7), lost, page(first, *others)))
    with pytest.raises(DaemonUnreachable):
        await pages.read()
    assert await pages.read() == [first, *others]


async def test_the_console_asks_for_changes_and_after_a_loss_for_all() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console((120, 40), sample.status(), client, screen="tasks") as shown:
        await shown.hears(sample.status(tasks_revision=18))
        await shown.passes(1)
        await shown.loses()
        client.refuse = None
        await shown.passes(5)
        await shown.hears(sample.status(tasks_revision=18))
        await shown.passes(1)
    asked = [dict(one.query or {}).get("since") for one in client.sent if one.path == "/v1/tasks"]
    assert asked == [None, 17, None]
