"""What the console draws, and when: no more than is seen, no more than has changed."""

from __future__ import annotations

import pytest
from textual import events

from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tui.app.painting import UNSEEN_TICKS
from tui.model import fleet


async def test_only_rows_that_are_seen_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    whole = fleet._instance

    def instance(one, *how):  # type: ignore[no-untyped-def]
        made.append(one.did)
        return whole(one, *how)

    monkeypatch.setattr(fleet, "_instance", instance)
    async with console(status=sample.crowd(1000), size=(120, 40)) as page:
        made.clear()
        await page.passes(1)
        assert 0 < len(made) <= 40
        await page.press("s")
        made.clear()
        await page.passes(1)
        assert 0 < len(made) <= 40, "sorted or not"


async def test_ages_tick_slowly_while_the_terminal_has_no_focus() -> None:
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(status=sample.status(), client=client) as page:
        page.app.post_message(events.AppBlur())
        await page.settle()
        before = page.table("instances").text()
        for _ in range(UNSEEN_TICKS - 1):
            await page.passes(1)
        assert page.table("instances").text() == before
        await page.passes(1)
        later = page.table("instances").text()
        assert later != before
        await page.passes(1)
        assert page.table("instances").text() == later
        page.app.post_message(events.AppFocus())
        await page.settle()
        assert page.table("instances").text() != later, "who looks sees what is true now"


def wired(page: Console, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is written to the terminal from now on; a headless driver would be told nothing."""
    written: list[str] = []
    monkeypatch.setattr(type(page.app._driver), "is_headless", False)
    monkeypatch.setattr(page.app._driver, "write", written.append)
    return written


IDLE_BYTES = 300
"""So many bytes a second at most are written while nothing happens, on a line that may be a slow one."""


@pytest.mark.parametrize("screen", ["fleet", "tasks", "threads", "feed", "policy"])
async def test_while_nothing_happens_hardly_anything_is_written(
    screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = sample.status()
    async with console(status=quiet, client=control.daemon(), screen=screen) as page:
        await page.passes(60)
        await page.hears(quiet.model_copy(update={"at": quiet.at + 60.5}))
        written = wired(page, monkeypatch)
        for second in range(1, 61):
            await page.passes(1)
            if second % 5 == 0:
                beaten = [
                    one.model_copy(update={"last_heartbeat": (one.last_heartbeat or 0) + 60 + second})
                    for one in quiet.instances
                ]
                changes = {"at": quiet.at + 60.5 + second, "instances": beaten}
                await page.hears(quiet.model_copy(update=changes))
        assert len("".join(written).encode()) / 60 < IDLE_BYTES
        monkeypatch.undo()  # what is written while the console closes goes to the driver as ever


async def test_nothing_new_writes_nothing_and_five_rows_write_little(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet = sample.crowd(200)
    client = FakeClient()
    client.tasks(sample.tasks())
    client.join(sample.join())
    async with console(status=quiet, client=client) as page:
        await page.settle()
        written = wired(page, monkeypatch)
        await page.app.ticker.tick()
        await page.settle()
        assert "".join(written) == "", "nothing has changed"
        at = quiet.at + page.clock.now - 1000.0
        instances = [
            one.model_copy(update={"active_dispatches": 1}) if 2 <= place < 7 else one
            for place, one in enumerate(quiet.instances)
        ]
        await page.hears(quiet.model_copy(update={"at": at, "instances": instances}))
        assert 0 < len("".join(written).encode()) <= 2048
        assert page.table("instances").text().count("1/4") == 5
        monkeypatch.undo()  # what is written while the console closes goes to the driver as ever
