"""The drill from the console: keyboard only, step by step, and nothing is left frozen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from syncropel.client import Target
from syncropel.errors import DaemonUnreachable, RemoteError
from tests.tui import console_sample as sample
from tests.tui import sample_control as control
from tests.tui.console_page import Console, console
from tests.tui.dialog_page import DialogPage
from tests.tui.drilled_daemon import PAST, DrilledDaemon
from tui.dialogs.drill import DrillDialog


@asynccontextmanager
async def drilling(
    client: DrilledDaemon | None = None, token: str = "secret", **how: Any
) -> AsyncIterator[tuple[Console, DialogPage, DrilledDaemon]]:
    client = client or DrilledDaemon(PAST)
    async with console(status=sample.status(), client=client, **how) as page:
        session = page.app.fleets.front
        session.target = replace(session.target, fleet_token=token)
        await page.press("D")
        yield page, DialogPage(page), client


async def test_from_the_first_key_to_the_report() -> None:
    async with drilling() as (page, dialog, client):
        assert dialog.title == "Kill switch drill"
        assert dialog.focused == "Cancel"
        assert "6 drills, 1 failed" in dialog.part("after-fields")
        assert dialog.part("command") == "$ spl drill kill"
        await dialog.press("s")
        report = dialog.part("says")
        assert "request to last confirmation  34 ms (3 instances)" in report
        assert "writes refused                45" in report
        assert "writes leaked                 0 (must be 0)" in report
        assert "✓ drill passed · recorded as 914d914d914d914d" in dialog.part("outcome")
        assert "7 drills, 1 failed" in dialog.part("outcome"), "this one is part of the history"
        assert not client.frozen
        assert client.kept[0]["actor"] == page.app.fleets.front.target.actor
        await dialog.press("escape")
        assert not dialog.is_open


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/v1/tasks/DRILL", ["… setting up", "· freezing"]),
        (control.FREEZE, ["✓ setting up", "… freezing"]),
        ("/v1/dispatches", ["✓ freezing", "✓ trying to write 45 writes refused, 0 leaked", "… draining"]),
        (control.UNFREEZE, ["✓ draining", "… unfreezing"]),
    ],
)
async def test_each_step_is_told_while_it_goes_on(path: str, steps: list[str]) -> None:
    async with drilling() as (page, dialog, client):
        client.hold = path
        await dialog.press("s")
        shown = dialog.part("says")
        assert all(one in shown for one in steps), shown
        assert "esc stops the drill" in dialog.part("outcome")
        assert dialog.focused == "Stop"
        await page.passes(3)
        assert "3s" in dialog.part("says")
        client.go_on()
        await page.settle()
        assert "drill passed" in dialog.part("outcome")


async def test_a_leak_fails_it_loudly() -> None:
    async with drilling(DrilledDaemon(leaks=True)) as (_, dialog, client):
        await dialog.press("s")
        assert "writes leaked                 9 (must be 0)" in dialog.part("says")
        assert "✗ drill FAILED: 9 writes leaked" in dialog.part("outcome")
        assert client.kept[0]["body"]["ok"] is False


async def test_every_instance_is_written_to_with_the_fleets_token() -> None:
    targets: list[Target] = []
    async with drilling() as (page, dialog, client):
        session = page.app.fleets.front
        session.outside = replace(session.outside, client=lambda one: targets.append(one) or client)
        await dialog.press("s")
        assert [one.token for one in targets] == ["secret", "secret"], "both workers that are live"
        assert "writes refused                45" in dialog.part("says")
        assert "not probed" not in dialog.part("says")


async def test_instances_that_cannot_be_written_to_are_told() -> None:
    async with drilling(token="") as (_, dialog, _client):
        await dialog.press("s")
        assert "writes refused                15" in dialog.part("says")
        assert "2 instances were not probed: their token is not in this home" in dialog.part("says")


async def test_esc_stops_it_and_stays_until_its_freeze_is_lifted() -> None:
    async with drilling() as (_, dialog, client):
        client.hold = "/v1/dispatches"
        await dialog.press("s")
        assert client.frozen
        await dialog.press("escape")
        assert dialog.is_open
        assert not client.frozen
        assert "stopped; the practice freeze is lifted" in dialog.part("outcome")
        assert "· draining        broken off" in dialog.part("says")
        assert not client.kept, "what was stopped is no drill"
        await dialog.press("escape")
        assert not dialog.is_open


async def test_esc_twice_waits_for_the_lifting() -> None:
    async with drilling() as (page, dialog, client):
        client.hold = control.UNFREEZE
        await dialog.press("s", "escape", "escape")
        assert dialog.is_open
        assert "stopping: the practice freeze is lifted first" in dialog.part("outcome")
        client.go_on()
        await page.settle()
        assert not client.frozen
        assert "stopped" in dialog.part("outcome")


async def test_quitting_lifts_the_practice_freeze() -> None:
    async with drilling() as (page, dialog, client):
        client.hold = "/v1/dispatches"
        await dialog.press("s")
        assert client.frozen
        await page.pilot.press("ctrl+q")
    assert not client.frozen


async def test_a_daemon_that_fails_is_told_and_the_drill_may_be_held_again() -> None:
    async with drilling() as (_, dialog, client):
        client.answers[control.FREEZE] = RemoteError(403, "auth_error", "FORBIDDEN", "no fleet:write", "ask")
        await dialog.press("s")
        assert "✗ broke off: no fleet:write" in dialog.part("outcome")
        assert dialog.greyed == ""
        del client.answers[control.FREEZE]
        client.answers |= control.daemon().answers
        await dialog.press("s")
        assert "drill passed" in dialog.part("outcome")


async def test_a_freeze_that_may_still_stand_is_told_with_the_command() -> None:
    async with drilling() as (_, dialog, client):
        client.answers[control.UNFREEZE] = DaemonUnreachable("gone")
        await dialog.press("s")
        assert "the practice freeze may still stand: gone" in dialog.part("outcome").replace("\n ", "")
        assert "spl unkill --namespace drill/" in dialog.part("outcome")


async def test_a_history_that_cannot_be_read_is_said() -> None:
    client = DrilledDaemon()
    client.answers["/v1/records"] = RemoteError(500, "internal_error", "STORE_ERROR", "disk full", "")
    async with drilling(client) as (_, dialog, _client):
        assert "past drills could not be read: disk full" in dialog.part("after-fields")


async def test_read_only_holds_no_drill() -> None:
    async with drilling(read_only=True) as (_, dialog, client):
        assert dialog.greyed == "this console is read-only: --read-only"
        await dialog.press("s", "tab", "enter")
        assert client.asked[control.FREEZE] == 0


async def test_keys_that_are_faster_than_screens_do_no_harm() -> None:
    """Two dialogs come to lie on each other, and the lower one is told to go."""
    async with drilling() as (page, dialog, _):
        below = dialog.dialog
        page.app.push_screen(DrillDialog())
        await page.settle()
        below.action_leave()
        await page.settle()
        assert dialog.is_open
        await dialog.press("escape")
        await dialog.press("escape")
        assert not dialog.is_open
