"""Rows that leave lines free: there stands what is known of the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.tui import console_sample as sample
from tests.tui import sample_threads
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tests.tui.sample_policy import PolicyClient
from tests.tui.sample_threads import ThreadClient
from tui.widgets.detail_pane import DetailPane


def client_of(screen: str) -> FakeClient:
    if screen == "policy":
        return PolicyClient()
    if screen == "threads":
        client: FakeClient = ThreadClient(sample_threads.some())
        assert isinstance(client, ThreadClient)
        client.hold(sample_threads.THREAD, sample_threads.fan_out())
    else:
        client = FakeClient()
        client.join(sample.failed_join())
        client.explain(sample.why(sample.failed_join()))
    client.tasks(sample.tasks())
    return client


def about(page: Console) -> DetailPane:
    return page.app.screen.query_one(DetailPane)


@pytest.mark.usefixtures("utc")
@pytest.mark.parametrize(
    ("screen", "keys", "words"),
    [
        ("fleet", (), ("coordinator ─", "did:sync:instance:")),
        ("fleet", ("tab", "tab", "down"), ("SITE-4 ─", "cannot be accepted")),
        ("tasks", (), ("DOCS-11 ─", "labels      release")),
        ("tasks", ("tab", "down"), ("DOCS-11 [1] ─", "summary     exit status 3")),
        ("threads", (), ("DOCS-11 ─", "→ approved")),
        ("policy", (), ("freeze-emergency ─", "spl config add-permission-rule freeze-emergency")),
    ],
)
async def test_it_follows_the_cursor(screen: str, keys: tuple[str, ...], words: tuple[str, ...]) -> None:
    async with console((120, 40), sample.status(), client_of(screen), screen=screen) as page:
        await page.passes(1)
        await page.press(*keys)
        table = page.app.fleet_screens.front().focused_table()  # type: ignore[union-attr]
        assert table is not None
        assert about(page).region.y >= table.region.bottom
        assert about(page).region.bottom <= 39, "above the footer"
        for expected in words:
            assert expected in page.drawn


async def test_of_a_subtask_that_failed_one_reads_why(picture: Callable[[Pictured], None]) -> None:
    async with console((120, 40), sample.status(), client_of("tasks"), screen="tasks") as page:
        await page.press("tab", "down")
        assert "summary     exit status 3" in page.drawn
        picture(page)


@pytest.mark.parametrize("screen", ["fleet", "tasks", "threads"])
async def test_the_rows_come_first_where_there_is_no_room_for_both(screen: str) -> None:
    async with console((80, 16), sample.status(), client_of(screen), screen=screen) as page:
        assert not about(page).display


async def test_it_goes_when_rows_come_and_comes_back_when_they_have_gone() -> None:
    async with console((120, 40), sample.status(), client_of("fleet")) as page:
        assert about(page).display
        await page.hears(sample.crowd(100))
        assert not about(page).display
        assert page.table("fanouts").region.bottom >= 38, "the rows have all the lines"
        await page.hears(sample.status())
        assert about(page).display


async def test_a_filter_that_leaves_few_rows_makes_room() -> None:
    async with console((120, 40), sample.crowd(100), client_of("fleet")) as page:
        await page.filter("worker-0042")
        assert about(page).display
        assert "worker-0042 ─" in page.drawn
        await page.press("escape")
        assert not about(page).display


async def test_without_subtasks_it_tells_of_the_task() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    async with console((120, 40), sample.status(), client, screen="tasks") as page:
        await page.press("down", "tab")
        assert page.rows("subtasks") == []
        name = sample.tasks()[1].alias
        assert f"{name} ─" in page.drawn
