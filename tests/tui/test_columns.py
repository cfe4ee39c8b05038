"""Which columns a table shows: as there is room, as the operator wants it, and none that says nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tui import console_sample as sample
from tests.tui.console_page import console
from tests.tui.dialog_page import DialogPage
from tests.tui.sample_marks import Obliging, some_tasks
from tui.model.columns import Choice
from tui.model.rows import Cell, Column, Row, Rows, fit, silent
from tui.preferences import Preferences

COLUMNS = (
    Column("name", "NAME", 10),
    Column("goal", "GOAL", 10, grow=1),
    Column("cost", "COST", 8, drop=1),
    Column("labels", "LABELS", 8, drop=2),
)


def keys(columns: tuple[Column, ...], width: int, idle: frozenset[str] = frozenset()) -> list[str]:
    return [one.key for one, _ in fit(columns, width, {"goal": 30}, idle)]


def rows(*costs: str) -> Rows:
    return Rows.of([Row(str(n), {"cost": Cell(cost), "name": Cell("–")}) for n, cost in enumerate(costs)])


@pytest.mark.parametrize(
    ("costs", "found"),
    [(("$0.00", "–", ""), {"cost"}), (("$0.00", "$0.01"), set()), ((), set()), (("unknown",), {"cost"})],
)
def test_a_column_says_nothing_when_no_row_does(costs: tuple[str, ...], found: set[str]) -> None:
    assert silent(rows(*costs), COLUMNS[:3]) == found


def test_what_says_nothing_goes_before_another_is_cut() -> None:
    assert keys(COLUMNS, 60) == ["name", "goal", "cost", "labels"]
    assert keys(COLUMNS, 60, frozenset({"cost"})) == ["name", "goal", "labels"]
    assert keys(COLUMNS, 70, frozenset({"cost"})) == ["name", "goal", "cost", "labels"], (
        "there is room for all"
    )


@pytest.mark.parametrize(
    ("choice", "width", "shown"),
    [
        (Choice(), 42, ["name", "goal", "cost", "labels"]),
        (Choice(), 34, ["name", "goal", "cost"]),
        (Choice(always=("labels",)), 34, ["name", "goal", "labels"]),
        (Choice(never=("goal",)), 34, ["name", "cost", "labels"]),
        (Choice(pinned="labels"), 34, ["labels", "name", "goal"]),
        (Choice(never=("name", "goal", "cost", "labels")), 34, ["name"]),
    ],
)
def test_a_choice_decides_what_is_hidden_and_what_comes_first(
    choice: Choice, width: int, shown: list[str]
) -> None:
    assert keys(choice.of(COLUMNS), width) == shown


def test_a_column_is_turned_round() -> None:
    once = Choice(pinned="goal").turned("goal")
    twice = once.turned("goal")
    assert once == Choice(always=("goal",), pinned="goal")
    assert twice == Choice(never=("goal",)), "what is never shown is not first either"
    assert twice.turned("goal") == Choice()
    assert Choice(never=("goal",)).pin("goal") == Choice(pinned="goal")


async def test_columns_are_chosen_while_their_table_is_in_sight(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    async with console(
        (120, 40), sample.status(), Obliging(some_tasks()), screen="tasks", preferences=place
    ) as page:
        await page.press("comma")
        dialog = DialogPage(page)
        assert dialog.title == "Columns of the tasks"
        assert "▸ [x] STATUS             as there is room" in dialog.list("columns")
        assert "  [ ] ID                 as there is room · no room for it now" in dialog.list("columns")
        await page.press("down", "down", "p", "end", *["down"] * 20, "space", "s")
        assert page.app.screen_stack[0].query_one("#tasks").shown_columns[0] == "goal"  # type: ignore[attr-defined]
        assert dialog.list("columns")[-1] == "▸ [x] ID                 always · sorted ▲"
        await page.press("escape")
        assert page.table("tasks").shown_columns[0] == "goal"
        assert "ID▲" in page.drawn
    kept = json.loads(place.read_text())["columns"]
    assert kept == {"tasks": {"tasks": {"always": ["id"], "never": [], "pinned": "goal"}}}
    assert Preferences(place).columns("tasks") == {"tasks": Choice(always=("id",), pinned="goal")}


async def test_an_order_by_a_hidden_column_is_in_the_title() -> None:
    async with console((80, 24), sample.status(), Obliging(some_tasks()), screen="tasks") as page:
        await page.press("comma", *["down"] * 9, "s", "s", "escape")
        assert "labels" not in page.table("tasks").shown_columns
        assert page.table("tasks")._title == "TASKS 6 · sorted by LABELS ▼"
        await page.press("comma", "0", "escape")
        assert page.table("tasks")._title == "TASKS 6"


def test_columns_that_make_no_sense_are_forgotten_and_told(tmp_path: Path) -> None:
    place = tmp_path / "console.json"
    place.write_text('{"theme": "console-day", "columns": {"tasks": 7}}')
    kept = Preferences(place)
    assert kept.columns("tasks") == {}
    assert "preferences could not be read" in kept.trouble
