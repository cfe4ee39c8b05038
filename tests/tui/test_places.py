"""Views, bookmarks, and the way back: places that an operator comes to again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_fakes import FakeClient
from tests.tui.console_page import Console, console
from tests.tui.console_snapshots import Pictured
from tui.dialogs.places import PlacesDialog
from tui.model import places
from tui.model.places import VISITED, Place, Visited
from tui.preferences import Preferences

SITE = sample.tasks()[1].thread


def client() -> FakeClient:
    fake = FakeClient()
    fake.tasks(sample.tasks())
    fake.join(sample.join())
    return fake


def where(page: Console) -> str:
    return page.part("header").split("●")[0].strip()


def test_back_and_on_like_in_a_browser() -> None:
    seen = Visited()
    one, two, three = (Place("join", thread=name) for name in "abc")
    assert seen.move(-1) is None
    for place in (one, two, three):
        seen.come(place)
    assert (seen.move(-1), seen.move(-1), seen.move(-1)) == (two, one, None)
    assert (seen.move(1), seen.move(1), seen.move(1)) == (two, three, None)
    seen.move(-1)
    four = Place("join", thread="d")
    seen.come(four)
    assert seen.move(1) is None, "what was gone back from is forgotten"
    assert seen.move(-1) == two


def test_a_cursor_that_moves_is_the_same_place_and_few_are_kept() -> None:
    seen = Visited()
    seen.come(Place("tasks", row="a"))
    seen.come(Place("tasks", row="b"))
    assert [one.row for one in seen.places] == ["b"]
    for number in range(3 * VISITED):
        seen.come(Place("join", thread=str(number)))
    assert len(seen.places) == VISITED
    assert seen.places[-1].thread == str(3 * VISITED - 1)


@pytest.mark.parametrize(
    "place",
    [
        Place("tasks", filter="status:blocked", sorts=(("tasks", "cost", True),), table="tasks"),
        Place("detail", "tasks", SITE, 2, words="Tasks › SITE-4[2]"),
        Place("detail", "fleet", did="did:x"),
    ],
)
def test_what_is_kept_is_read_again(place: Place, tmp_path: Path) -> None:
    kept = Preferences(tmp_path / "console.json")
    kept.places("prod")["mine"] = place
    kept.save()
    assert Preferences(tmp_path / "console.json").places("prod") == {"mine": place}
    assert Preferences(tmp_path / "console.json").places("other") == {}


def test_a_file_that_makes_no_sense_is_told_and_not_in_the_way(tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    file.write_text(json.dumps({"places": {"prod": {"mine": {"sorts": [1]}}}}))
    kept = Preferences(file)
    assert "could not be read" in kept.trouble
    assert kept.places("prod") == {}


@pytest.mark.parametrize("name", ["", "x" * 41, "a\u202eb", "a\u200bb", "a\nb"])
def test_names_that_do_not_show_are_refused(name: str) -> None:
    assert places.objection(name)
    assert not places.objection("blocked ones, 漢字")


async def test_the_way_back_and_on_again() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("enter", "down", "enter")
        assert where(page) == "Tasks › DOCS-11 › [1]"
        await page.press("1")
        for keys, there in (
            ("alt+left", "Tasks › DOCS-11 › [1]"), ("alt+left", "Tasks › DOCS-11"), ("alt+left", "Tasks"),
            ("alt+right", "Tasks › DOCS-11"), ("alt+right", "Tasks › DOCS-11 › [1]"), ("alt+right", "Fleet"),
        ):  # fmt: skip
            await page.press(keys)
            assert where(page).endswith(there.rpartition(" › ")[2]), there
        await page.press("alt+right")
        assert [one.message for one in page.app._notifications] == ["there is nowhere further forward to go"]


async def test_back_puts_the_cursor_where_it_was() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("down", "down", "3", "alt+left")
        assert page.app.fleet_screens.name == "tasks"
        assert page.table("tasks").chosen == sample.tasks()[2].thread


async def test_a_view_keeps_filter_and_order_and_is_recalled_by_name(tmp_path: Path) -> None:
    file = tmp_path / "console.json"
    async with console(status=sample.status(), client=client(), screen="tasks", preferences=file) as page:
        await page.filter("site")
        await page.press("s", "s", "b", *"stuck", "enter", "v")
        assert isinstance(page.app.screen, PlacesDialog)
        assert "saved stuck; :view stuck goes there" in page.drawn
        await page.press("escape", "escape", "S", "s", "s", "1")
    async with console(status=sample.status(), client=client(), preferences=file) as page:
        await page.press("colon", *"view", "space", *"stuck", "enter")
        assert page.app.fleet_screens.name == "tasks"
        assert page.rows("tasks") == [SITE]
        assert page.app.screen.filter.text == "site"  # type: ignore[attr-defined]
        assert page.app.preferences.orders("local", "tasks") == {"tasks": ("task", False)}


async def test_a_bookmark_goes_to_one_thing_and_says_when_it_is_gone() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("down", "b", *"site", "enter", "m", "escape", "up", "1", "b", "enter")
        assert page.app.fleet_screens.name == "tasks"
        assert page.table("tasks").chosen == SITE
        kept = page.app.preferences.places("local")
        kept["gone"] = Place("tasks", table="tasks", row="th_gone")
        await page.press("colon", *"view", "space", *"gone", "enter")
        await page.passes(6)
        assert "that row is not there any more" in [one.message for one in page.app._notifications]


async def test_a_bookmark_of_a_subtask_opens_it() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("enter", "down", "enter", "b", *"it", "enter", "m", "escape", "1", "b", "enter")
        assert where(page).endswith("[1]")
        await page.press("b", "x")
        assert page.app.preferences.places("local") == {}
        assert "forgot it" in page.drawn


async def test_without_a_name_it_says_what_is_missing_and_an_unknown_name_is_refused() -> None:
    async with console(status=sample.status(), client=client()) as page:
        await page.press("b", "tab", "v")
        assert "type a name first (n)" in page.drawn
        await page.press("escape", "colon", *"view", "space", *"nothing", "enter")
        assert "there is no view 'nothing'" in page.drawn


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda one: f"{one[0]}x{one[1]}")
@pytest.mark.parametrize("what", ["none", "some"])
async def test_pictures(size: tuple[int, int], what: str, picture: Callable[[Pictured], None]) -> None:
    async with console(size, sample.status(), client(), screen="tasks") as page:
        if what == "some":
            kept = page.app.preferences.places("local")
            kept["blocked ones"] = Place("tasks", filter="status:blocked", sorts=(("tasks", "cost", True),))
            kept["the site"] = Place("join", "tasks", SITE, words="Tasks › SITE-4 \u202e[bold]x")
        await page.press("b")
        picture(page)


async def test_up_from_a_subtask_to_its_task_and_to_the_list() -> None:
    async with console(status=sample.status(), client=client(), screen="tasks") as page:
        await page.press("enter", "down", "enter", "u")
        assert where(page) == "Tasks › DOCS-11"
        await page.press("u")
        assert where(page) == "Tasks"
        assert page.table("tasks").chosen == sample.THREAD
        await page.press("u")
        assert "nothing is above this row" in [one.message for one in page.app._notifications]


async def test_up_from_an_instance_to_what_runs_there() -> None:
    async with console(status=sample.status(), client=client()) as page:
        await page.press("down", "u")
        assert page.table("dispatches").has_focus
        assert {row.cells["instance"].text for row in page.table("dispatches")._rows} == {"worker-a"}


async def test_up_from_a_nested_task_to_the_one_that_it_is_part_of() -> None:
    fake = client()
    fake.tasks([*sample.tasks(), sample.task(9, parent_thread=sample.THREAD, subtasks=0, alias="PART-9")])
    async with console(status=sample.status(), client=fake, screen="tasks") as page:
        await page.press("end", "u")
        assert where(page) == "Tasks › DOCS-11"


async def test_back_from_the_logs_is_where_one_came_from_and_on_are_the_logs() -> None:
    async with console(status=sample.status(), client=client()) as page:
        await page.press("5", "colon", *"logs", "enter")
        assert where(page) == "Policy › Logs"
        await page.press("alt+left")
        assert where(page) == "Policy"
        await page.press("alt+right")
        assert where(page) == "Policy › Logs"
