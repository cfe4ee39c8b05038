"""A daemon that reads its log, as the console shows it: it starts, and the kill switch works already."""

from __future__ import annotations

from syncropel.errors import RemoteError
from syncropel.wire.start_words import STARTING
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_page import console
from tests.tui.dialog_page import DialogPage

READ = "the daemon starts: it has read 312,000 of 1,000,000 records of its log"
REFUSED = RemoteError(503, "unavailable", STARTING, READ, "wait: it answers when all are read")


async def test_it_is_no_broken_connection_however_long_it_takes() -> None:
    client = control.daemon()
    client.refuse = REFUSED
    async with console(client=client) as page:
        for _ in range(10):
            await page.passes(2.0)
        drawn = page.drawn
        assert "STARTING" in drawn.splitlines()[0]
        assert "DOWN" not in drawn
        assert READ in drawn
        assert "the kill switch works already: F freezes" in drawn
        assert "not as this console expects" not in drawn
        client.refuse = None
        client.snapshot(sample.status())
        await page.passes(2.0)
        assert "LIVE" in page.drawn.splitlines()[0]


async def test_a_freeze_is_sent_and_nothing_else_is() -> None:
    client = control.daemon()
    client.refuse = REFUSED
    async with console(client=client) as page:
        await page.passes(2.0)
        await page.press("F")
        dialog = DialogPage(page)
        await dialog.press("n")
        await dialog.type("docs")
        await dialog.press("enter")
        await dialog.type("wrong prices")
        await dialog.press("enter")
        assert dialog.greyed == ""
        await dialog.press("f")
        assert [call.body["namespace"] for call in client.sent if call.path == control.FREEZE] == ["docs"]
        assert "who confirms it is shown when its log is read" in page.drawn.replace("\n", " ")
