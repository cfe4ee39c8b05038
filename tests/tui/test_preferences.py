"""What is remembered between two runs, and what happens when it cannot be."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tests.tui.fleets_page import HOME, PROD, consoles, daemon
from tui.preferences import HISTORY, Preferences


async def test_theme_screen_and_order_are_there_the_next_time(tmp_path: Path) -> None:
    place = tmp_path / "new" / "console.json"
    async with console(status=sample.status(), preferences=place) as page:
        await page.press("s", "S", "2")
        page.app.appearance.wear("console-day")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    async with console(status=sample.status(), preferences=place) as page:
        assert page.app.theme == "console-day"
        assert "Tasks" in page.part("header")
        await page.press("1")
        assert "ALIAS▼" in page.table("instances").text()


async def test_the_screen_that_is_asked_for_goes_before_the_remembered_one(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    place.write_text('{"screen": "tasks", "theme": "no-such-theme"}')
    async with console(status=sample.status(), preferences=place, screen="fleet") as page:
        assert "Fleet" in page.part("header")
        assert page.app.theme == "console-night"


async def test_each_fleet_has_orders_of_its_own(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    daemons = {name: daemon(name) for name in ("local", "prod")}
    async with consoles(daemons, (HOME, PROD), preferences=place) as page:
        await page.press("s", "S")
        await page.app.fleet_screens.look_at("prod")
        await page.settle()
        assert "ALIAS▼" not in page.table("instances").text(), "that was another fleet's"
        await page.press("s")
        assert "ALIAS▲" in page.table("instances").text()
    daemons = {name: daemon(name) for name in ("local", "prod")}
    async with consoles(daemons, (HOME, PROD), preferences=place) as page:
        assert "ALIAS▼" in page.table("instances").text()
        await page.app.fleet_screens.look_at("prod")
        await page.settle()
        assert "ALIAS▲" in page.table("instances").text()


async def test_orders_from_before_they_were_kept_by_fleet_still_hold(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    place.write_text('{"orders": {"fleet": {"instances": ["alias", true]}}}')
    for _ in range(2):
        daemons = {name: daemon(name) for name in ("local", "prod")}
        async with consoles(daemons, (HOME, PROD), preferences=place) as page:
            assert not page.app.preferences.trouble
            assert "ALIAS▼" in page.table("instances").text()
            await page.press("S")
            assert "ALIAS▲" in page.table("instances").text()
            await page.press("S")
            await page.app.fleet_screens.look_at("prod")
            await page.settle()
            assert "ALIAS▼" in page.table("instances").text(), "a fleet that has none of its own begins so"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', '{"orders": 3}', '{"orders": {"fleet": {"instances": ["alias"]}}}',
     '{"history": 3}', '{"fleets": {"local": {"fleet": 3}}}', '{"fleets": ["local"]}', "\x00", "[" * 100_000],
)  # fmt: skip
async def test_a_broken_file_is_told_and_begun_anew(tmp_path: Path, text: str) -> None:
    place = tmp_path / "console.json"
    place.write_text(text)
    async with console(status=sample.status(), preferences=place) as page:
        (told,) = page.app._notifications
        assert str(place) in told.message
        assert "start afresh" in told.message
        assert "● LIVE" in page.part("header")
    assert json.loads(place.read_text())["screen"] == "fleet"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    preferences = Preferences(tmp_path / "file" / "console.json")
    preferences.save()
    assert "could not be saved" in preferences.trouble


def test_commands_are_kept_once_each_and_not_for_ever() -> None:
    preferences = Preferences(None)
    for number in range(HISTORY + 5):
        preferences.typed(f"task {number}")
    preferences.typed("task 50")
    assert len(preferences.history) == HISTORY
    assert preferences.history[-1] == "task 50"
    assert preferences.history.count("task 50") == 1
