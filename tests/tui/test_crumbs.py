"""The breadcrumb says what is a part of what, and suggests nothing else."""

from __future__ import annotations

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tui import screens

OTHER = sample.task(7, alias="OTHER-7", goal="Something else")
PART = sample.task(8, alias="PART-8", goal="Draw the figures", parent_thread=sample.THREAD)


def client() -> FakeClient:
    made = FakeClient()
    made.tasks([sample.task(), OTHER, PART])
    made.join(sample.join())
    for one in (OTHER, PART):
        made.join(sample.join(thread=one.thread, alias=one.alias, goal=one.goal))
    return made


async def test_a_part_stands_behind_its_whole_and_another_task_does_not() -> None:
    async with console((120, 40), sample.status(), client(), screen="tasks") as page:
        for thread, shown in (
            (sample.THREAD, "Tasks › DOCS-11"),
            (PART.thread, "Tasks › DOCS-11 › PART-8"),
            (OTHER.thread, "Tasks › OTHER-7"),
        ):
            page.app.push_screen(screens.JoinScreen(thread))
            await page.passes(1)
            assert shown in page.part("header")
            assert f"{shown} ›" not in page.part("header")
        await page.press("escape")
        await page.passes(1)
        assert "Tasks › DOCS-11 › PART-8" in page.part("header")


async def test_a_subtask_of_another_task_carries_its_name() -> None:
    async with console((120, 40), sample.status(), client(), screen="tasks") as page:
        page.app.push_screen(screens.JoinScreen(sample.THREAD))
        page.app.push_screen(screens.SubtaskScreen(PART.thread, 1))
        await page.passes(1)
        assert "Tasks › DOCS-11 › PART-8[1]" in page.part("header")
