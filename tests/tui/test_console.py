"""The console as a person uses it."""

from __future__ import annotations

import pytest

from syncropel.errors import RemoteError
from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import console
from tui.screens.fleet import FleetScreen
from tui.widgets.table import Table


def daemon() -> FakeClient:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    return client


async def test_it_stays_when_the_daemon_goes_and_recovers_by_itself() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        await page.down()
        assert "DOWN" in page.part("header")
        assert "spl serve" in page.part("banner")
        assert len(page.rows("instances")) == 4, "the last data stays"
        page.client.refuse = None
        await page.hears(sample.status(live=9))
        await page.passes(5)
        assert "● LIVE" in page.part("header")
        assert "9 live" in page.part("header")
        assert page.part("banner") == ""


async def test_r_reconnects_now() -> None:
    async with console(status=sample.status()) as page:
        await page.loses()
        opened = page.client.opened
        page.client.refuse = None
        await page.press("r")
        assert page.client.opened == opened + 1


async def test_the_selection_follows_its_row() -> None:
    async with console(status=sample.status()) as page:
        await page.press("down", "j")
        assert page.table("instances").chosen == sample.WORKERS["b"]
        rest = [sample.coordinator(), sample.instance("worker-b"), *map(sample.instance, ("aaa-a",))]
        await page.hears(sample.status(instances=rest))
        assert page.table("instances").chosen == sample.WORKERS["b"]
        await page.hears(sample.status(instances=[sample.coordinator()]))
        assert page.table("instances").chosen == sample.COORDINATOR


async def test_a_tick_repaints_only_cells_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(status=sample.status()) as page:
        painted: list[tuple[str | None, object]] = []
        plain = Table.refresh

        def refresh(table: Table, *regions: object, **how: bool) -> Table:
            painted.append((table.id, regions))
            return plain(table, *regions, **how)  # type: ignore[arg-type]

        monkeypatch.setattr(Table, "refresh", refresh)
        await page.passes(1)
        assert painted
        assert all(regions for _, regions in painted), "never the whole table"
        painted.clear()
        await page.app.ticker.tick()
        await page.settle()
        assert painted == [], "nothing changed"


async def test_filter_is_typed_kept_and_cleared() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        await page.filter("status:stale")
        assert page.rows("instances") == [sample.WORKERS["c"]]
        await page.filter("zebra")
        assert "no row matches" in page.table("instances").text()
        await page.press("escape")
        assert len(page.rows("instances")) == 4


async def test_keys_typed_into_the_filter_are_words() -> None:
    async with console(status=sample.status()) as page:
        await page.press("slash", "q", "1", "s")
        assert page.app.is_running
        screen = page.app.screen
        assert isinstance(screen, FleetScreen)
        assert screen.filter.text == "q1s"


async def test_sort_goes_through_the_columns() -> None:
    async with console(status=sample.status()) as page:
        await page.press("s", "S")
        assert page.rows("instances")[0] == sample.WORKERS["c"]
        assert "ALIAS▼" in page.table("instances").text()


async def test_enter_goes_in_and_esc_comes_back() -> None:
    async with console(status=sample.status(), client=daemon(), screen="tasks") as page:
        await page.press("enter")
        assert "Tasks › DOCS-11" in page.part("header")
        await page.press("down", "enter")
        assert "Tasks › DOCS-11 › [1]" in page.part("header")
        assert "and check its links" in page.part("facts")
        await page.press("escape", "escape")
        assert "›" not in page.part("header")


async def test_a_dispatch_opens_its_join_and_an_instance_itself() -> None:
    async with console(status=sample.status(), client=daemon()) as page:
        await page.press("enter")
        assert sample.COORDINATOR in page.part("facts").replace("\n", "").replace(" ", "")
        await page.press("escape", "tab", "enter")
        await page.passes(0.5)
        assert "not done yet" in page.part("summary")


async def test_tasks_are_read_when_they_change_and_not_otherwise() -> None:
    async with console(status=sample.status(), client=daemon(), screen="tasks") as page:
        before = page.client.asked["/v1/tasks"]
        for second in range(1, 5):
            await page.hears(sample.status(at=sample.AT + second))
            await page.passes(1)
        assert page.client.asked["/v1/tasks"] == before
        await page.hears(sample.status(tasks_revision=18))
        await page.passes(1)
        assert page.client.asked["/v1/tasks"] == before + 1


async def test_tasks_that_cannot_be_read_are_told_with_the_hint() -> None:
    client = daemon()
    client.answers["/v1/tasks"] = RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "make room")
    async with console(status=sample.status(), client=client, screen="tasks") as page:
        assert "disk full" in page.part("banner")
        assert "make room" in page.part("banner")
        client.tasks(sample.tasks())
        await page.passes(5)
        assert page.part("banner") == ""
        assert len(page.rows("tasks")) == 4


async def test_y_copies_the_identity() -> None:
    async with console(status=sample.status()) as page:
        await page.press("down", "y")
        assert page.app.clipboard == sample.WORKERS["a"]


async def test_a_click_selects() -> None:
    async with console(status=sample.status()) as page:
        await page.pilot.click("#instances", offset=(10, 4))
        await page.settle()
        assert page.table("instances").chosen == sample.WORKERS["b"]


async def test_a_thousand_rows_are_paged() -> None:
    async with console(status=sample.crowd(1000)) as page:
        await page.press("end")
        assert "worker-0999" in page.table("instances").text()
        await page.press("home", "pagedown")
        assert page.table("instances").chosen != sample.COORDINATOR


async def test_the_palette_offers_actions_and_themes() -> None:
    async with console(status=sample.status()) as page:
        titles = [one.title for one in page.app.get_system_commands(page.app.screen)]
        assert "Theme blue-orange" in titles
        assert "Reconnect now, and read again" in titles
        assert "Emergency stop of the whole fleet" in titles, "also what the footer has no room for"
        await page.press("ctrl+p")
        await page.press("escape", "2")
        assert "Tasks" in page.part("header")


async def test_q_quits_and_closes_the_client() -> None:
    async with console(status=sample.status()) as page:
        await page.press("q")
        assert not page.app.is_running
    assert page.client.closed
